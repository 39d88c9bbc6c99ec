package mutant_test

import (
	"testing"

	"github.com/scalesmall/ssnode/internal/mutant"
)

// TestStore_JournalRules breaks the rules of the journal: how frames come to the disk
// and are found there, and how the tables come to have what they say.
func TestStore_JournalRules(t *testing.T) {
	mutant.Run(t, "store", []mutant.Mutant{{
		Name: "S16: the next does not build on the one on its way",
		File: "store/update.go",
		Old:  "		s.tip = p.next\n",
		New:  "",
		Test: "TestPrepared_Fill_WhileTheDiskWorks",
	}, {
		Name: "S16: the next builds on what was before a change of the tables",
		File: "store/fold.go",
		Old:  "	s.tip = s.journaled\n",
		New:  "",
		Test: "TestPrepared_Commit_DirectlyAfterFrames",
	}, {
		Name: "S16: a change of the tables does not come after what is journaled",
		File: "store/fold.go",
		Old:  "	frames := p.unfolded(s.state.journal.sequence)\n",
		New:  "	frames := p.unfolded(s.state.journal.sequence)\n	if x != nil {\n		frames = nil\n	}\n",
		Test: "TestPrepared_Commit_DirectlyAfterFrames",
	}, {
		Name: "S16: a fold builds on what was before an update of the tables",
		File: "store/update.go",
		Old:  "			s.filed.Adopt(p.effects)\n",
		New:  "",
		Test: "TestPrepared_Commit_DirectlyAfterFrames",
	}, {
		Name: "S16: a frame counts though a fold has failed beside it",
		File: "store/update.go",
		Old:  "	if err := s.Failed(); err != nil {\n		return err // a fold has failed meanwhile: it may be for the disk's fault\n	}\n",
		New:  "",
		Test: "TestPrepared_Commit_BesideAFoldThatFails",
	}, {
		Name: "S16: what was folded since is told twice",
		File: "store/log.go",
		Old:  "v.journaled.each(max(from, v.state.logNext), visit)",
		New:  "v.journaled.each(from, visit)",
		Test: "TestPrepared_Fill_BesideAFold",
	}, {
		Name: "S18: what is journaled is not read",
		File: "store/entry.go",
		Old:  "	if x := r.journaled.images.get(k); x != nil {",
		New:  "	if x := r.fresh.get(k); x != nil {",
		Test: "TestView_ShowsWhatIsJournaled",
	}, {
		Name: "S18: what is journaled is read if nothing older is there",
		File: "store/entry.go",
		Old:  "	if x := r.journaled.images.get(k); x != nil {",
		New:  "	x := r.fresh.get(k)\n	if x == nil {\n		x = r.journaled.images.get(k)\n	}\n	if x != nil {",
		Test: "TestView_ShowsWhatIsJournaled",
	}, {
		Name: "S18: what is journaled is left out of a scan",
		File: "store/entry.go",
		Old:  "	r.journaled.ascend(a, r.folded, from)\n",
		New:  "",
		Test: "TestView_ShowsWhatIsJournaled",
	}, {
		Name: "S18: a scan shows what is journaled, and what it was before, too",
		File: "store/runs.go",
		Old:  "	for first != nil && first.key == x.key { // others are older\n",
		New:  "	for range 1 {\n",
		Test: "TestView_ShowsWhatIsJournaled",
	}, {
		Name: "S18: an update does not read what is journaled",
		File: "store/prepare.go",
		Old:  "	r.flights, r.base = s.mu.flights, newEntryReader(nil, &s.state, &s.journaled)\n",
		New:  "	tables := newJournaled(&s.state)\n	r.flights, r.base = s.mu.flights, newEntryReader(nil, &s.state, &tables)\n",
		Test: "TestView_ShowsWhatIsJournaled",
	}, {
		Name: "S18: the log does not serve what is journaled",
		File: "store/log.go",
		Old:  "	if r, ok := v.journaled.find(d, v.state.logNext); ok {",
		New:  "	if r, ok := v.journaled.find(d, v.state.logNext); ok && r.Index == 0 {",
		Test: "TestView_ShowsWhatIsJournaled",
	}, {
		Name: "S18: the records of what is journaled are not shown",
		File: "store/log.go",
		Old:  "	return v.journaled.each(max(from, v.state.logNext), visit)\n",
		New:  "	return nil\n",
		Test: "TestView_ShowsWhatIsJournaled",
	}, {
		Name: "S18: what is journaled does not count for the log",
		File: "store/journaled.go",
		Old:  "		s.logRecords, s.logBytes = s.logRecords+uint64(len(f.effects.Deltas)), s.logBytes+f.bytes\n",
		New:  "		_ = f\n",
		Test: "TestView_ShowsWhatIsJournaled",
	}, {
		Name: "S18: what is journaled is not looked for by who opens a file",
		File: "store/load.go",
		Old:  "readRing(ring, from)\n",
		New:  "readRing(ring[:0], from)\n",
		Test: "TestView_ShowsWhatIsJournaled",
	}, {
		Name: "S18: a fold leaves the mark where it was",
		File: "store/fold.go",
		Old:  "next.journal, filed = frames[n-1].behind(), filed.Clone()",
		New:  "filed = filed.Clone()",
		Test: "TestStore_Fold_MovesTheMark",
	}, {
		Name: "S18: a fold has its last frame be folded again",
		File: "store/fold.go",
		Old:  "next.journal, filed = frames[n-1].behind(), filed.Clone()",
		New:  "next.journal, filed = frames[n-1].at, filed.Clone()",
		Test: "TestStore_Fold_MovesTheMark",
	}, {
		Name: "S18: a fold that fails has the tables' replica be ahead of them",
		File: "store/fold.go",
		Old:  "frames[n-1].behind(), filed.Clone()",
		New:  "frames[n-1].behind(), filed",
		Test: "TestStore_ChangeBeside_OfNothingLeavesWhatIsJournaled",
	}, {
		Name: "a trimming of nothing takes the place of a fold",
		File: "store/trim.go",
		Old:  " && before.journal == s.state.journal {",
		New:  " {",
		Test: "TestStore_Trim_OfNothing_Folds",
	}, {
		Name: "S18: the last frame of a fold is no part of the tables' replica",
		File: "store/fold.go",
		Old:  "		filed.Adopt(frames[n-1].effects)\n",
		New:  "",
		Test: "TestPrepared_Commit_DirectlyAfterFrames",
	}, {
		Name: "S18: the pages of frames are given back before the fold is on disk",
		File: "store/fold.go",
		Old:  "	next, filed = s.state, s.filed\n",
		New:  "	next, filed = s.state, s.filed\n	for _, f := range frames {\n		s.ring.Load().used.Add(-f.cost)\n		f.cost = 0\n	}\n",
		Test: "TestStore_Fold_KeepsPagesUntilItIsOnDisk",
	}, {
		Name: "S18: the pages of frames are never given back",
		File: "store/fold.go",
		Old:  "		r.used.Add(-f.cost)\n",
		New:  "		r.used.Add(-f.cost * 0)\n",
		Test: "TestStore_Fold_MovesTheMark",
	}, {
		Name: "S18: what nobody was told of yet is folded",
		File: "store/fold.go",
		Old:  "	return s.journaled\n",
		New:  "	return s.tip\n",
		Test: "TestStore_Fold_LeavesWhatIsOnItsWay",
	}, {
		Name: "S18: a frame is written where others are that are needed",
		File: "store/ring.go",
		Old:  "	r.used.Add(f.cost)\n	return nil\n",
		New:  "	return nil\n",
		Test: "TestRing_Append_OverwritesNothing",
	}, {
		Name: "S18: a frame goes past the end of the ring",
		File: "store/ring.go",
		Old:  "r.next.page+pages <= r.pages {",
		New:  "r.next.page < r.pages {",
		Test: "TestRing_Place_WithinTheRing",
	}, {
		Name: "S18: what is left free at the end of the ring counts as room",
		File: "store/ring.go",
		Old:  "	return 0, int64(pages + r.pages - min(r.pages, r.next.page))\n",
		New:  "	return 0, int64(pages)\n",
		Test: "TestRing_Append_WhatDoesNotFit",
	}, {
		Name: "S18: the pages of frames that were found are written to",
		File: "store/ring.go",
		Old:  "		err = r.settle(p.frames)\n",
		New:  "		err = r.settle(p.frames)\n		r.used.Store(0)\n",
		Test: "TestOpen_KeepsThePagesOfFrames",
	}, {
		Name: "S18: the frames of the old file are left behind by a new one",
		File: "store/rewrite.go",
		Old:  "	if err := s.fold(); err != nil { // the new file has a ring of its own\n		return nil, err\n	}\n",
		New:  "",
		Test: "TestStore_Rewrite_TakesWhatIsJournaled",
	}, {
		Name: "S19: a frame is acknowledged before it is flushed",
		File: "store/update.go",
		Old:  "		return r.sync(p.frame)\n",
		New:  "		return nil\n",
		Test: "TestPrepared_Commit_WaitsForTheFlush",
	}, {
		Name: "S19: frames that were found are not flushed",
		File: "store/ring.go",
		Old:  "	err := r.write(last)\n	if err == nil {\n		err = r.sync(last)\n	}\n",
		New:  "	err := r.write(last)\n",
		Test: "TestPrepared_Commit_WaitsForTheFlush",
	}, {
		Name: "S19: pages are flushed where the frame is not",
		File: "store/ring.go",
		Old:  "	return r.mapped[f.at.page*pageBytes:][:f.pages*pageBytes]\n",
		New:  "	return r.mapped[:f.pages*pageBytes]\n",
		Test: "TestRing_MappedPages_AreWhatWasWritten",
	}, {
		Name: "S18: a frame keeps the room that it has given back",
		File: "store/frame.go",
		Old:  "	f.encoded = nil\n	frameRooms",
		New:  "	frameRooms",
		Test: "TestFrame_AnyEffects",
	}, {
		Name: "S18: frames that were acknowledged are written again",
		File: "store/ring.go",
		Old:  "		_, f.cost = r.place(f)\n		r.next = f.behind()\n		r.used.Add(f.cost)\n	}",
		New:  "		_ = r.append(f)\n	}",
		Test: "TestOpen_FrameThatIsInMemoryOnly",
	}, {
		Name: "S18: a backup of a backup ends over its first frame",
		File: "store/ringcopy.go",
		Old:  " && !frames[n-1].isEnd() {",
		New:  " {",
		Test: "TestView_Backup_OfAFullRing",
	}, {
		Name: "a rewriting ends without what the last fold has changed",
		File: "store/rewrite.go",
		Old:  "	if err := s.canCarryOver(); err != nil { // which the fold may have decided\n		return nil, err\n	}\n",
		New:  "",
		Test: "TestStore_Rewrite_TooManyInTheLastFold",
	}, {
		Name: "the journal has what leaves holes",
		File: "store/update.go",
		Old:  " && !p.frame.leavesHoles(s.replica):",
		New:  ":",
		Test: "TestView_HasHoles_OfAnUpdateWithSomeEvents",
	}, {
		Name: "S20: a frame names no transaction",
		File: "store/prepare.go",
		Old:  "		p.frame.tables = uint64(s.txid())\n",
		New:  "",
		Test: "TestOpen_ATransactionBeforeFrames_IsNotTakenBack",
	}, {
		Name: "S20: a frame of a copy names a transaction",
		File: "store/ringcopy.go",
		Old:  "s.seal(0)",
		New:  "s.seal(s.tables)",
		Test: "TestOpen_OfABackup_IsTakenBack",
	}, {
		Name: "a disk that takes no fold is in service again",
		File: "store/reopen.go",
		Old:  "	return s.fold()\n",
		New:  "	return nil\n",
		Test: "TestStore_Reopen_ProvesByWhatIsJournaled",
	}, {
		Name: "S19: a gap is taken for the end",
		File: "store/ring.go",
		Old:  "> at.sequence {",
		New:  "> at.sequence+1<<40 {",
		Test: "TestOpen_TellsOfADamagedFrame",
	}, {
		Name: "S19: a page within a frame is taken for a frame",
		File: "store/ring.go",
		Old:  "		if binary.BigEndian.Uint32(f.encoded[at:]) == frameMagic {",
		New:  "		if binary.BigEndian.Uint32(f.encoded[at:]) == 0 {",
		Test: "TestOpen_AKeyThatLooksLikeAFrame",
	}, {
		Name: "S19: a frame that is not whole is gone on from",
		File: "store/ring.go",
		Old:  "binary.BigEndian.Uint32(b[4:]) != crc32.Checksum(",
		New:  "0 > crc32.Checksum(",
		Test: "TestOpen_TellsOfADamagedFrame",
	}, {
		Name: "S19: no room is left for what ends the frames of a copy",
		File: "store/ring.go",
		Old:  "	return r.used.Load()+cost < int64(r.pages)\n",
		New:  "	return r.used.Load()+cost <= int64(r.pages)\n",
		Test: "TestView_Backup_WhenTheRingIsFull",
	}, {
		Name: "S19: nothing ends the frames of a copy",
		File: "store/ringcopy.go",
		Old:  "		c.put(frames[n-1].end(uint64(len(pages)) / pageBytes))\n",
		New:  "",
		Test: "TestView_Backup_IsOfItsInstant",
	}, {
		Name: "a copy has the ring as it is when it is made",
		File: "store/ringcopy.go",
		Old:  "ring: make([]byte, len(pages))}",
		New:  "ring: append([]byte{}, pages...)}",
		Test: "TestView_Backup_IsOfItsInstant",
	}, {
		Name: "S2: a frame says again what was seen before",
		File: "store/load.go",
		Old:  "l.replica.Context.Covers(p.Dot(0))",
		New:  "l.replica.Context.Covers(p.Dot(0)) && f.now < 0",
		Test: "TestOpen_RefusesFramesThatDoNotFit",
	}, {
		Name: "S2: frames lead to a context that is not theirs",
		File: "store/load.go",
		Old:  "hash != l.replica.ContextHash {",
		New:  "hash != l.replica.ContextHash && len(frames) == 0 {",
		Test: "TestOpen_RefusesFramesThatDoNotFit",
	}, {
		Name: "S11: a new ring is written to while it is what proves it",
		File: "store/open.go",
		Old:  "		if err := s.flusher.confirm(); err != nil {\n			return fmt.Errorf(\"confirm the new format: %w\", err)\n		}\n",
		New:  "",
		Test: "TestOpen_ConfirmsANewRing",
	}, {
		Name: "S16: what adds to the log does so beside updates",
		File: "store/backfill.go",
		Old:  "s.changeAlone(",
		New:  "s.changeBeside(",
		Test: "TestPrepared_Fill_WhileTheDiskWorks",
	}, {
		Name: "S12: what is confirmed is in the journal alone",
		File: "store/store.go",
		Old:  "	if err := s.fold(); err != nil {\n		return err\n	}\n",
		New:  "",
		Test: "TestStore_Confirm_NeedsNoJournal",
	}, {
		Name: "what is journaled keeps what was folded, for the next frame",
		File: "store/journaled.go",
		Old:  "	p = p.without(done)\n",
		New:  "",
		Test: "TestJournaled_With_ForgetsWhatIsFolded",
	}, {
		Name: "what is journaled keeps what was folded, for readers",
		File: "store/fold.go",
		Old:  "	s.journaled = s.journaled.without(next.folded())\n",
		New:  "",
		Test: "TestStore_Fold_MovesTheMark",
	}})
}
