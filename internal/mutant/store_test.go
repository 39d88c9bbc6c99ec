package mutant_test

import (
	"testing"

	"github.com/scalesmall/ssnode/internal/mutant"
)

// TestStore_Rules breaks the rules about the newest entries.
func TestStore_Rules(t *testing.T) {
	mutant.Run(t, "store", []mutant.Mutant{{
		Name: "S7: a batch leaves an older image to count",
		File: "store/fresh.go",
		Old:  "(isBatch || len(x.sealed) > checksumBytes+chunkBytes) && s.fresh.get(x.key) == nil",
		New:  "isBatch || len(x.sealed) > checksumBytes+chunkBytes",
		Test: "TestOverlay_OfABatch",
	}, {
		Name: "S8: what is placed is not put anywhere",
		File: "store/fresh.go",
		Old:  "		if err := t.putInPlace(x); err != nil {\n			return err\n		}\n		t.standings",
		New:  "		t.standings",
		Test: "TestOverlay_AnyHistory",
	}, {
		Name: "S9: a chunk goes though an image in it is not placed",
		File: "store/overlay.go",
		Old:  "if images[i].standing == unplaced {",
		New:  "if images[i].standing > replaced {",
		Test: "TestStore_IsIndistinguishableFromMemory",
	}, {
		Name: "S8: what a transaction has placed that failed is taken for placed",
		File: "store/fold.go",
		Old:  "	t.standings.takeBack()\n",
		New:  "",
		Test: "TestOverlay_OfATransactionThatFails",
	}, {
		Name: "S9: an image that does not count goes with one that does",
		File: "store/fresh.go",
		Old:  "			t.standings.change(before, replaced)\n",
		New:  "",
		Test: "TestStore_IsIndistinguishableFromMemory",
	}, {
		Name: "S15: chunks stay in the tail when the records are moved",
		File: "store/tail.go",
		Old:  "	if err := t.moveChunks(s); err != nil {\n		return err\n	}\n",
		New:  "",
		Test: "TestTail_IsMovedWhenFull",
	}, {
		Name: "S15: a chunk goes from fresh though it is in the tail",
		File: "store/tail.go",
		Old:  "	if number < s.moved {\n		return t.fresh.delete",
		New:  "	if number < s.fresh.next {\n		return t.fresh.delete",
		Test: "TestStore_IsIndistinguishableFromMemory",
	}, {
		Name: "S15: what goes past the tail leaves older chunks in it",
		File: "store/tail.go",
		Old:  "s.tailBytes+size) || size == 0 {",
		New:  "s.tailBytes+size) || size == 0 || t.direct {",
		Test: "TestStore_IsIndistinguishableFromMemory",
	}, {
		Name: "S17: a run goes on where an event is missing",
		File: "store/bundle.go",
		Old:  " && p.last+1 == q.dot.Sequence",
		New:  "",
		Test: "TestBundle_Backfill",
	}, {
		Name: "S17: a run goes on where a record was trimmed",
		File: "store/bundle.go",
		Old:  "	return p.index+1 == q.index && ",
		New:  "	return ",
		Test: "TestBundle_OfSeveralOrigins",
	}, {
		Name: "S17: what is behind a lost record moves up",
		File: "store/bundle.go",
		Old:  "n > 0 && b.places[n-1].index+1 != p.index {",
		New:  "n < 0 {",
		Test: "TestBundle_BehindALostRecord",
	}, {
		Name: "S17: the place of what was trimmed stays",
		File: "store/bundle.go",
		Old:  "		if _, isOld := stands[p.dot]; isOld {",
		New:  "		if _, isOld := stands[p.dot]; isOld && len(after) == 0 {",
		Test: "TestBundle_ServesAndTrims",
	}, {
		Name: "S17: what frames have to be bundled is forgotten",
		File: "store/fold.go",
		Old:  "errors.Join(s.persist(t, &next, filed, frames...), t.endBundle())",
		New:  "s.persist(t, &next, filed, frames...)",
		Test: "TestStore_Fold_MovesTheMark",
	}, {
		Name: "S17: what a change has to be bundled is forgotten",
		File: "store/fold.go",
		Old:  "			err = t.endBundle()\n",
		New:  "",
		Test: "TestBundle_ServesAndTrims",
	}, {
		Name: "S17: a record is taken for that of an event by its place alone",
		File: "store/log.go",
		Old:  "err == nil && r.has(d) {",
		New:  "err == nil {",
		Test: "TestBundle_OfSeveralOrigins",
	}, {
		Name: "a repair does not see the images in the tail",
		File: "store/salvage.go",
		Old:  "			if isChunkKey(key) {\n",
		New:  "			if isChunkKey(key) && len(payload) == 0 {\n",
		Test: "TestRepair_OfImagesInTheTail",
	}, {
		Name: "S13: what was added later is found in place of what counted",
		File: "store/generation.go",
		Old:  "	for at >= n {\n		at = int(t.older[at])\n	}\n",
		New:  "",
		Test: "TestOverlay_AnyChanges",
	}, {
		Name: "S13: what a transaction that failed has added is added to",
		File: "store/generation.go",
		Old:  "	if g.table.n != g.n {",
		New:  "	if g.table.n < g.n {",
		Test: "TestOverlay_AnyChanges",
	}, {
		Name: "S13: an image counts though its chunk has gone",
		File: "store/overlay.go",
		Old:  "if i == 0 && int(x.position) < o.dropped {",
		New:  "if i > len(o.generations) {",
		Test: "TestOverlay_AnyChanges",
	}, {
		Name: "S14: of two images in a run the older one is kept",
		File: "store/runs.go",
		Old:  "		if order < 0 {\n			x = older[0]",
		New:  "		if order <= 0 {\n			x = older[0]",
		Test: "TestOverlay_AnyChanges",
	}, {
		Name: "S14: of two runs the older one comes first",
		File: "store/runs.go",
		Old:  "order == 0 && i > j",
		New:  "order == 0 && i < j",
		Test: "TestOverlay_AnyChanges",
	}, {
		Name: "what the sweep has passed by is taken for that of another run",
		File: "store/generation.go",
		Old:  "	if first == 0 {\n		g.swept = unknown\n	}\n",
		New:  "",
		Test: "TestOverlay_AnyChanges",
	}, {
		Name: "what is in place of a lost image is taken for all that was known",
		File: "store/salvage.go",
		Old:  "	s.isWhole = s.state.logNext > 0 && s.hasNewest() &&\n",
		New:  "	s.isWhole = s.state.logNext > 0 &&\n",
		Test: "TestRepair_WithoutAChunk",
	}, {
		Name: "what is behind a damaged frame is taken for all that was known",
		File: "store/salvage.go",
		Old:  "s.isWhole && problem == \"\" && delta",
		New:  "s.isWhole && delta",
		Test: "TestRepair_OfADamagedFrame",
	}, {
		Name: "a repair loses what frames have changed",
		File: "store/salvage.go",
		Old:  "		for i := range f.images {\n",
		New:  "		for i := range f.images[:0] {\n",
		Test: "TestRepair_JoinsTheEntriesOfFrames",
	}, {
		Name: "an image that is left shares the memory of the page that is read next",
		File: "store/salvage.go",
		Old:  "s.newest[x.key] = bytes.Clone(x.payload)",
		New:  "s.newest[x.key] = x.payload",
		Test: "TestRepair_OfManyNewestEntries",
	}, {
		Name: "a rewriting places entries where the disk has no room",
		File: "store/fresh.go",
		Old:  "s.options.room(s.path) < placeRoom(imagesOf(s.unfolded()), next.fresh.bytes)",
		New:  "s.options.room(s.path) == 0",
		Test: "TestRewrite_WithoutRoom_PlacesNothing",
	}, {
		Name: "a rewriting ends before all that waits was placed, and its chunks have gone",
		File: "store/fresh.go",
		Old:  "2 + 2*images/placeBatch",
		New:  "2 + images/placeBatch",
		Test: "TestRewrite_OfAStoreOpenedAnew_PlacesAll",
	}, {
		Name: "S13: a generation has more images than a slot has positions for",
		File: "store/generation.go",
		Old:  "1 << (positionBits - 1)",
		New:  "1 << positionBits",
		Test: "TestGeneration_Full_HasAllImages",
	}, {
		Name: "S10: what is in flight is not read",
		File: "store/prepare.go",
		Old:  "		if e, ok := p.after(k); ok {\n			return e, nil\n		}\n",
		New:  "		p.after(k)\n",
		Test: "TestFrontierReader_ReadsWhatIsInFlight",
	}, {
		Name: "S10: what is in flight is left out of a scan",
		File: "store/prepare.go",
		Old:  "			if s.Contains(x.Key) {",
		New:  "			if !s.Contains(x.Key) {",
		Test: "TestFrontierReader_ReadsWhatIsInFlight",
	}, {
		Name: "S10: an update becomes durable though one before has failed",
		File: "store/prepare.go",
		Old:  "	if p.store.isStale(p) {\n		return ErrStale\n	}\n",
		New:  "",
		Test: "TestPrepared_Commit_OnOneThatHasFailed",
	}, {
		Name: "S10: the frontier keeps what has failed",
		File: "store/prepare.go",
		Old:  "f.replica == nil || f.lineage != s.mu.lineage",
		New:  "f.replica == nil",
		Test: "TestPrepared_Commit_OnOneThatHasFailed",
	}, {
		Name: "S10: updates become durable as they come",
		File: "store/prepare.go",
		Old:  "		p.turn.await()\n",
		New:  "		p.before = nil\n",
		Test: "TestPrepared_Commit_ComesAfterThoseBefore",
	}, {
		Name: "S16: an update is filled in before a stale one has ended",
		File: "store/prepare.go",
		Old:  "	s.frontier.written = p.written\n",
		New:  "",
		Test: "TestPrepared_Fill_BehindAStaleOne",
	}, {
		Name: "S10: what is abandoned takes those before it along",
		File: "store/prepare.go",
		Old:  "	defer p.end()\n	p.awaitBefore()\n	if !p.store",
		New:  "	defer p.end()\n	if !p.store",
		Test: "TestPrepared_Abandon_ComesAfterThoseBefore",
	}, {
		Name: "S10: an update that is stale takes others along when it is abandoned",
		File: "store/prepare.go",
		Old:  "	if !p.store.isStale(p) {\n		p.store.branch()\n	}\n",
		New:  "	p.store.branch()\n",
		Test: "TestPrepared_Abandon_LeavesNothing",
	}, {
		Name: "S10: what was prepared on one that was abandoned goes on",
		File: "store/prepare.go",
		Old:  "	if !p.store.isStale(p) {\n		p.store.branch()\n	}\n",
		New:  "",
		Test: "TestPrepared_Abandon_LeavesNothing",
	}, {
		Name: "S16: the next is filled in on what is acknowledged",
		File: "store/prepare.go",
		Old:  "s.tip.with(p.frame,",
		New:  "s.journaled.with(p.frame,",
		Test: "TestPrepared_Fill_WhileTheDiskWorks",
	}, {
		Name: "S16: the next follows an index that is acknowledged",
		File: "store/prepare.go",
		Old:  "		return p.before.index\n	}\n",
		New:  "	}\n",
		Test: "TestPrepared_Fill_WhileTheDiskWorks",
	}, {
		Name: "S16: the next is written though the one before has failed",
		File: "store/update.go",
		Old:  "	if err := p.whyNot(); err != nil {\n		return err\n	}\n",
		New:  "",
		Test: "TestPrepared_Fill_OnOneThatFails",
	}, {
		Name: "who waits for an update before holds the file",
		File: "store/prepare.go",
		Old:  "	r.release()\n	wait()\n",
		New:  "	wait()\n",
		Test: "TestPrepare_Pause_LetsGoOfTheFile",
	}, {
		Name: "what is derived beside a frame is not waited for",
		File: "store/update.go",
		Old:  "	p.await()\n	if err != nil {",
		New:  "	if err != nil {",
		Test: "TestPrepared_Commit_WaitsForWhatIsDerived",
	}, {
		Name: "what is derived beside a change of the tables is not waited for",
		File: "store/update.go",
		Old:  "		await: p.await,\n",
		New:  "",
		Test: "TestPrepared_Commit_WaitsForWhatIsDerived",
	}, {
		Name: "S11: a head without a proof is gone on from",
		File: "store/proof.go",
		Old:  "last.proof.transaction != last.head.transaction {\n		return true, nil",
		New:  "last.proof.transaction != last.head.transaction {\n		return false, nil",
		Test: "TestOpen_NoProof_IsTakenBack",
	}, {
		Name: "S11: a proof is believed without a look at the pages",
		File: "store/proof.go",
		Old:  "	return !holds, err\n",
		New:  "	return !holds && err != nil, err\n",
		Test: "TestOpen_TornTransaction_IsTakenBack",
	}, {
		Name: "S11: the pages of buckets are not proven",
		File: "store/prover.go",
		Old:  "			err = p.tree(native.Uint64(e.value), depth+1, false)\n",
		New:  "			err = nil\n",
		Test: "TestOpen_TornTransaction_IsTakenBack",
	}, {
		Name: "S11: what has no room for a proof is acknowledged without",
		File: "store/flusher.go",
		Old:  "		return f.confirm()\n	}\n	_, err = f.out",
		New:  "		return nil\n	}\n	_, err = f.out",
		Test: "TestFlusher_Commit_ProofWithoutRoom",
	}, {
		Name: "S12: what is confirmed is taken back",
		File: "store/proof.go",
		Old:  "x.hasConfirmation && x.confirmed >= last",
		New:  "x.hasConfirmation && x.confirmed > last",
		Test: "TestOpen_ConfirmedTransaction_IsNeverTakenBack",
	}, {
		Name: "S12: what is closed is not confirmed",
		File: "store/store.go",
		Old:  "	_ = s.rest() // if not now, the next opening does: all that was acknowledged is on disk\n",
		New:  "",
		Test: "TestOpen_ConfirmedTransaction_IsNeverTakenBack",
	}, {
		Name: "S11: what is torn is salvaged as if it were whole",
		File: "store/salvage.go",
		Old:  "	s.isWhole = s.isWhole && !torn\n",
		New:  "	_ = torn\n",
		Test: "TestRepair_OfATornTransaction",
	}, {
		Name: "S12: what no longer holds is confirmed",
		File: "store/flusher.go",
		Old:  "	case !holds || p.transaction != f.last:\n		return errTorn\n",
		New:  "	case !holds && err != nil:\n		return errTorn\n",
		Test: "TestFlusher_Settle_DoesNotConfirmWhatIsTorn",
	}})
}
