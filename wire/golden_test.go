package wire

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/ranges"
)

// golden has a value of every shape of the outward contract, in the order of
// testdata/golden.txt, which has their JSON.
func golden() []any {
	am := Bounds{From: "a", To: new("m")}
	unbounded := BoundsOf(ranges.Everything())
	at := time.Date(2026, 1, 2, 3, 4, 5, 600_000_000, time.UTC)
	register := Operation{Op: OpRegister, Keyspace: "default", Node: "n1", Bounds: am, Priority: new(int64(10))}
	release := Operation{Op: OpRelease, Keyspace: "default", Node: "n1", Bounds: unbounded}
	increase := Operation{Op: OpIncrease, Keyspace: "default", Node: "n1", Bounds: am, By: new(int64(3)), IfVisible: true}
	decrease := Operation{Op: OpDecrease, Keyspace: "default", Node: "n1", Bounds: am, By: new(int64(3))}
	tighten := Operation{Op: OpTighten, Keyspace: "default", Node: "n1", Bounds: am, NewFrom: new("c"), NewTo: new("f"), AllowGap: true}
	set := Operation{Op: OpSet, Keyspace: "default", Node: "n1", Bounds: am, Priority: new(int64(4))}
	return []any{
		&register, &release, &increase, &decrease, &tighten, &set,
		&Results{Results: List[Result]{{Operation: register, Changed: true, Priority: 10}, {Operation: release}}, Token: "T", OnDisk: List[string]{"n1"}},
		&Results{},
		&BatchResults{Batches: List[BatchResult]{{ID: "b1", Results: List[Result]{{Operation: decrease, Changed: true, Priority: 7}}, Token: "T"}, {ID: "b2", Error: "the claim is not visible", Code: CodeNotFound}}, Token: "T", OnDisk: List[string]{"n1"}, Missing: List[string]{"n2"}},
		&Lookup{Keyspace: "default", Key: "foo", Bounds: am, Servers: List[Server]{{Node: "n1", Priority: 10, Address: "10.0.0.1:80", Liveness: LivenessAlive}}, Token: "T"},
		&Lookup{Keyspace: "default", Key: "hex:00", Bounds: unbounded},
		&Lookups{Lookups: List[Lookup]{{Keyspace: "default", Key: "foo", Bounds: am}}, Token: "T"},
		&Ranges{Keyspace: "default", Subranges: List[Subrange]{
			FormText.Subrange(ranges.Subrange{Range: ranges.Range{To: ranges.Before("a")}}),
			FormText.Subrange(ranges.Subrange{Range: ranges.Range{From: "a", To: ranges.Unbounded()}, Servers: []ranges.Server{{Node: "n1", Priority: 10}, {Node: "n2", Priority: 5}}}),
		}, Token: "T"},
		&Ranges{Keyspace: "default", Next: "N"},
		&KeyspaceRow{Keyspace: "default", Subrange: Subrange{Bounds: am}},
		&Claims{Claims: List[Claim]{FormText.Claim(ranges.Weighted{Claim: ranges.Claim{Keyspace: "default", Node: "n1", Range: ranges.Range{From: "a", To: ranges.Before("m")}}, Priority: 10})}, Token: "T"},
		&Claims{},
		&Keyspaces{Keyspaces: List[Keyspace]{{Keyspace: "default", Claims: 2, Subranges: 3}}, Token: "T"},
		&Nodes{Nodes: List[Node]{{Node: "n1", Address: "10.0.0.1:80", Labels: map[string]string{"zone": "a"}, Liveness: LivenessAlive}, {Node: "n2", Liveness: LivenessUnknown}}},
		&Nodes{},
		&WatchLine{Type: WatchClaim, Keyspace: "default", Node: "n1", Bounds: &am, Priority: 10},
		&WatchLine{Type: WatchReleased, Keyspace: "default", Node: "n1", Bounds: &unbounded, Repair: true},
		&WatchLine{Type: WatchNode, Node: "n1", Address: "10.0.0.1:80", Labels: map[string]string{"zone": "a"}, Liveness: LivenessSuspect},
		&WatchLine{Type: WatchSnapshotEnd, Token: "T"},
		&WatchLine{Type: WatchBookmark, Token: "T"},
		&WatchLine{Type: WatchTrimmed},
		&History{Events: List[Event]{{Time: at, Dot: "00112233445566778899aabbccddeeff:7", Op: OpIncrease, Keyspace: "default", Node: "n1", Bounds: &am, By: 3}}, Complete: true},
		&History{Missing: List[Missing]{{Keyspace: "default", Bounds: am}, {Bounds: unbounded}}},
		&History{},
		&HistoryEnd{},
		&Members{Members: List[Member]{{Node: "n1", Replica: "00112233445566778899aabbccddeeff", Gossip: "10.0.0.1:7480", Address: "10.0.0.1:7481", Liveness: LivenessDead, LastHeard: at, Fingerprint: "f", InSync: true, Behind: 2, Traffic: Traffic{SyncSince: at, BytesSent: 3, BytesReceived: 4, LastSession: &Session{Ended: at, Kind: SessionRepair, Failure: "the disk failed", Bytes: 5}}}}},
		&Members{},
		&Status{Node: "n1", Replica: "00112233445566778899aabbccddeeff", Cluster: "ssnode", Version: "1", API: "127.0.0.1:7481", Gossip: "127.0.0.1:7480", NotReady: List[string]{"alone"}, Claims: 1, Fingerprint: "f", Context: "C", Members: 2, LogRecords: 3, LogBytes: 4, DBBytes: 5, DBFreeBytes: 6, Identity: IdentityConfirmed,
			Peers:   List[Peer]{{Node: "n2", Liveness: LivenessLeft, Behind: 7, Traffic: Traffic{LastSession: &Session{Ended: at, Kind: SessionPull, OK: true, Bytes: 5}}}},
			Waiting: List[Waiting]{{Replica: "00112233445566778899aabbccddeeff", Records: 8, Node: "n3"}}, WaitingRecords: 9,
			Repair:  &Repair{Member: "n2", Reason: "log trimmed", Whole: true, Since: at, Entries: 10, Spans: 11, Compared: 12, Expected: 13, ThroughKeyspace: "default", Through: new("m"), Sketch: true},
			History: List[HistoryClass]{{Class: ClassParticipating, Records: 2, Bytes: 3, Oldest: at}, {Class: ClassOther}}},
		&Status{
			Ready: true, Identity: IdentityUnconfirmed, Incomplete: true, Records: 1, ExpectedRecords: 2,
			Replication: Replication{Push: PushTier{TierTraffic: TierTraffic{FramesIn: 1, FramesOut: 2, BytesIn: 3, BytesOut: 4}, CopiesOut: 5, CopiesIn: 6, New: 7}, Dropped: 8},
			Repair:      &Repair{Member: "n2", Since: at, SpansBegun: 9, SpansDone: 3},
		},
		&Compact{LogRecordsBefore: 9, LogRecordsAfter: 4, TrimmedParticipating: 2, TrimmedOther: 3, DBBytesBefore: 100, DBBytesAfter: 50, Waiting: List[Waiting]{{Replica: "00112233445566778899aabbccddeeff", Records: 7}},
			Classes: List[CompactClass]{{HistoryClass: HistoryClass{Class: ClassOther, Records: 2, Bytes: 3, Oldest: at}, Retention: "10m,16MiB", Covered: 4, TooOld: 5, TooLarge: 6, FreedBytes: 7}},
			Blocked: List[Blocker]{{Member: "n2", Records: 8, Bytes: 9}}},
		&Check{OK: true},
		&Check{Problems: List[string]{"the fingerprint is wrong"}},
		&Waited{Token: "T", OnDisk: List[string]{"n1"}, Missing: List[string]{"n2", MissingUnknown(1)}, Needed: 3},
		&Error{Message: "nobody serves it", Code: CodeNotFound},
		&OpsRequest{Ops: List[Operation]{release}, Wait: MemberCount{All: true}, Timeout: "10s"},
		&OpsRequest{Batches: List[Batch]{{Ops: List[Operation]{release}, ID: "b1"}}, Wait: MemberCount{N: 2}},
		&LookupRequest{Keyspace: "default", Key: new("foo"), AtLeast: "T"},
		&LookupRequest{Keys: List[string]{"a", "hex:00"}},
		&JoinRequest{Addresses: List[string]{"10.0.0.1:7480"}},
		&Joined{Joined: List[string]{"10.0.0.1:7480"}, Failed: List[JoinFailure]{{Address: "10.0.0.2:7480", Error: "refused"}}},
		&LeaveRequest{Release: true},
		&Left{Node: "n1", Released: 2, OnDisk: List[string]{"n1", "n2"}},
		&ForgetRequest{Node: "n3", Release: true},
		&ForgetRequest{Replica: "00112233445566778899aabbccddeeff"},
		&Forgotten{Node: "n3", Replicas: List[string]{"00112233445566778899aabbccddeeff"}, Released: 2, Changed: true, Token: "T"},
		&NodeRequest{Address: "10.0.0.1:80", Labels: Labels{"zone": "a"}},
		&NodeWritten{Node: "n4", Address: "10.0.0.1:80", Liveness: LivenessUnknown, Changed: true, Token: "T"},
		&StateRequest{From: "01", To: new("02"), Cuts: List[string]{"0161"}},
		&StateRequest{Parts: 16},
		&State{Node: "n1", Cluster: "ssnode", Fingerprint: "f/3", Context: "c", Parts: List[Part]{{To: new("02"), Records: 3, Sum: "00000000000000ff"}}},
		&State{Entries: List[StateEntry]{
			{Position: "01", Subject: Subject{Type: StateClaim, Keyspace: "default", Node: "n1", Bounds: &am}, Content: Content{Priority: 10, Records: 1, Sum: "s"}},
			{Position: "02", Subject: Subject{Type: StateNode, Node: "n1"}, Content: Content{Address: "10.0.0.1:80", Labels: Labels{"zone": "a"}, Retired: true, Records: 1, Sum: "s"}},
			{Position: "03", Subject: Subject{Type: StateForgotten, Replica: "00112233445566778899aabbccddeeff"}, Content: Content{Records: 1, Sum: "s"}},
		}, Next: "04"},
		&Diff{A: DiffSide{Address: "http://a", Node: "n1", Fingerprint: "f"}, B: DiffSide{Address: "http://b", Node: "n2", Fingerprint: "g"}, SameEvents: true,
			Differences: List[Difference]{{Subject: Subject{Type: StateClaim, Keyspace: "default", Node: "n1", Bounds: &am}, B: &Content{Priority: 10, Records: 1, Sum: "s"}}}, More: true},
		&WatchRequest{Keyspace: "default", Bounds: am, Token: "T"},
		&WaitRequest{Token: "T", Members: MemberCount{All: true}, Timeout: "10s"},
		&OpsOpening{Node: "n1", LineBytesMax: 1 << 20, LinesMax: 1024},
		&OpsOpening{Node: "n1", LineBytesMax: 1 << 20, LinesMax: 1024, BatchesMax: 256},
		&OpsLine{Ref: 7, Batch: Batch{Ops: List[Operation]{release}, ID: "b1"}},
		&OpsLine{Ref: 7, Batches: List[Batch]{{Ops: List[Operation]{release}}, {Ops: List[Operation]{decrease}, ID: "b2"}}},
		&OpsAnswer{Ref: 7, BatchResult: BatchResult{ID: "b1", Results: List[Result]{{Operation: decrease, Changed: true, Priority: 7}}, Token: "T"}},
		&OpsAnswer{Ref: -1, BatchResult: BatchResult{Error: "the claim is not visible", Code: CodeNotFound}},
		&OpsAnswer{Ref: 7, BatchResult: BatchResult{Token: "T"}, Batches: List[BatchResult]{{Results: List[Result]{{Operation: release, Changed: true}}}, {ID: "b2", Error: "the claim is not visible", Code: CodeNotFound}}},
	}
}

// TestGolden_EveryShape holds the names: scripts and clients of other languages
// lean on them. Every JSON is also read back.
func TestGolden_EveryShape(t *testing.T) {
	data, err := os.ReadFile("testdata/golden.txt")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	values := golden()
	if len(lines) != len(values) {
		t.Errorf("%d lines, %d values", len(lines), len(values))
	}
	for i, v := range values {
		name := reflect.TypeOf(v).Elem().Name()
		text, err := Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		want := ""
		if i < len(lines) {
			want = lines[i]
		}
		if got := name + " " + string(text); got != want {
			t.Errorf("line %d is\n%s\nwant\n%s", i+1, got, want)
		}
		checkReadBack(t, name, text, v)
	}
}

// checkReadBack reads text into a fresh value of the type of v, strictly and
// as a client does.
func checkReadBack(t *testing.T, name string, text []byte, v any) {
	for how, read := range map[string]func([]byte, any) error{"strictly": Unmarshal, "leniently": json.Unmarshal} {
		fresh := reflect.New(reflect.TypeOf(v).Elem()).Interface()
		if err := read(text, fresh); err != nil {
			t.Errorf("%s %s: %v", how, name, err)
			continue
		}
		if again, err := Marshal(fresh); err != nil || !bytes.Equal(again, text) {
			t.Errorf("%s read %s becomes %s, %v", how, text, again, err)
		}
	}
}

// TestGolden_ContractLines has lines of the outward contract as they stand
// there: what they say must be read, and every name in them exist.
func TestGolden_ContractLines(t *testing.T) {
	for text, v := range map[string]any{
		`{"op":"register","keyspace":"default","node":"n1","from":"a","to":"m","priority":10}`:                                                                        &Operation{},
		`{"results":[{"op":"register","keyspace":"default","node":"n1","from":"a","to":"m","changed":true,"priority":10}],"token":"T","on_disk":["n1"],"missing":[]}`: &Results{},
		`{"keyspace":"default","key":"foo","from":"a","to":"m","servers":[{"node":"n1","priority":10,"address":"x","liveness":"alive"}],"token":"T"}`:                 &Lookup{},
		`{"keyspace":"default","subranges":[{"from":"a","to":"m","servers":[{"node":"n1","priority":10}]}],"token":"T"}`:                                              &Ranges{},
		`{"claims":[{"keyspace":"default","node":"n1","from":"a","to":"m","priority":10}],"token":"T"}`:                                                               &Claims{},
		`{"nodes":[{"node":"n1","address":"x","labels":{"zone":"a"},"liveness":"alive"}]}`:                                                                            &Nodes{},
		`{"type":"claim","keyspace":"k","node":"n","from":"a","to":null,"priority":10}`:                                                                               &WatchLine{},
		`{"keyspace":"default","key":"foo","from":"a","to":"m","servers":[{"node":"n1","priority":10,"address":"","liveness":"unknown"}],"token":"T"}`:                &Lookup{},
		`{"type":"node","node":"n","address":"","labels":{},"liveness":"dead"}`:                                                                                       &WatchLine{},
		`{"type":"snapshot_end","token":"T"}`: &WatchLine{},
		`{"type":"bookmark","token":"T"}`:     &WatchLine{},
		`{"type":"trimmed"}`:                  &WatchLine{},
		`{"events":[{"time":"2026-01-02T03:04:05Z","dot":"r:1","op":"increase","keyspace":"k","node":"n","from":"a","to":"m","by":3}],"complete":true}`:                                                                                 &History{},
		`{"members":[{"node":"n1","replica":"r","gossip":"g","address":"a","liveness":"alive","last_heard":"2026-01-02T03:04:05Z","fingerprint":"f","in_sync":true,"behind":0,"bytes_sent":0,"bytes_received":0,"last_session":null}]}`: &Members{},
		`{"log_records_before":1,"log_records_after":1,"trimmed_participating":1,"trimmed_other":1,"db_bytes_before":1,"db_bytes_after":1,"waiting":[{"replica":"r","records":1}]}`:                                                     &Compact{},
		`{"ok":true,"problems":[]}`:                    &Check{},
		`{"error":"text for people","code":"invalid"}`: &Error{},
	} {
		if err := Unmarshal([]byte(text), v); err != nil {
			t.Errorf("%T: %v", v, err)
			continue
		}
		again, err := Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var want, got map[string]any
		if json.Unmarshal([]byte(text), &want) != nil || json.Unmarshal(again, &got) != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s becomes %s", text, again)
		}
	}
}
