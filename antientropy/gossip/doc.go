// Package gossip moves opaque frames between the members of a cluster and
// keeps the list of these members. It is the only importer of memberlist; what
// the frames mean is decided in package antientropy, what happens to them in
// package node.
//
//	t, err := gossip.Start(gossip.Options{
//		Name: "n1", Cluster: "ssnode", Bind: "127.0.0.1:7480",
//		Meta:    gossip.Meta{Replica: id, Start: start, API: "127.0.0.1:7481"},
//		Handler: gossip.Handler{Frame: enqueue, Check: check, MembersChanged: wake},
//	})
//	defer t.Close()
//	result, err := t.Join(ctx, []string{"n2.example:7480"})
//	err = t.Send("n2", frame, false)
//
// # What it guarantees
//
//  1. No method but Join, Leave and Close waits for the network. Queues are
//     bounded by frames and bytes, per member and in total; what does not fit
//     is refused with an error, counted, and costs the protocol time only.
//  2. A frame arrives whole or not at all, bears the name of a listed member
//     as its sender, and is the receiver's to keep. It may arrive twice, late,
//     or after later ones.
//  3. No callback begins after Close has returned.
//  4. A member that was ever listed stays listed, as alive, suspect, dead or
//     left, until Forget: memberlist forgets the dead after half a minute.
//  5. A peer of another cluster, of a protocol version without overlap, or
//     from a network that is not allowed takes no part: nothing it sends gets
//     past the gate, and one log line, repeated at most once a minute, names
//     it and says why. A peer that uses another key is told so as well.
//  6. Of two processes with one name the one that is listed stays. The other
//     is told: its Join returns ErrNameTaken, and it has no peers to send to.
//     If nobody lists either, or both are listed on two sides of a partition,
//     both are told which of them stays.
//  7. Of two living processes with one replica id that can reach each other,
//     at most one keeps it, and both are told; who runs on an older copy of a
//     directory is told by every member that remembers a later start of it
//     (see Conflict, and antientropy.StartID). To this end the last life of
//     each member is remembered, see Lives.
//
// It leaves to others when to talk to whom, what to do about a lost frame,
// when to join again, and the order of frames.
//
// # Why the cluster is memberlist's label
//
// memberlist puts a label before every packet and stream and binds it to the
// encryption. The label is the name of the cluster, so that a process of
// another cluster that took over an address answers no probe here and cannot
// keep a dead member alive, which a check of the metadata of members alone
// would not prevent. But memberlist drops what bears another label without
// telling the sender, whose join then fails with "EOF". So the sockets, which
// are this package's own, look at the label before memberlist does, log what
// they refuse, and answer a stream of another cluster with a refusal that
// names theirs (see refusal.go): Join then returns ErrOtherCluster with both
// names. The protocol version is in the metadata of members, see Meta.
//
// # What memberlist does not tell
//
// memberlist v0.7.0 keeps the state of a member in a private field; the public
// Node.State is always alive. Dead and left look alike in its events, and
// suspicion has none. Hence:
//
//   - A member that leaves says so first in a notice of this package, which is
//     gossiped and also travels with push/pull; whoever knows the notice shows
//     the member as left, others as dead.
//   - suspect means: memberlist lists the member as alive, but this node's own
//     probe of it was not answered, and nothing has been heard from it since.
//     In large clusters most nodes probe a dead member too rarely to see more
//     than alive and then dead.
package gossip
