// Package api serves a running node over HTTP: JSON answers, NDJSON streams,
// health checks and metrics, under the names of the outward contract.
//
//	listener, err := api.Listen(ctx, "127.0.0.1:7481", false)
//	server := api.New(n, api.Options{Logger: log})
//	go server.Serve(listener)
//	...
//	err = server.Shutdown(ctx)
//
// What it guarantees:
//
//	A1  A request is checked whole before anything of it is done: its size,
//	    its JSON, every field and every bound.
//	A2  Every answer that is not 200 has a body {"error","code"} that says
//	    what to do; so has a stream that could not be finished, as its last
//	    line.
//	A3  A batch with an id that was applied is answered again and not applied
//	    again, as long as the node runs and the id is among the last ones.
//	A4  No client can hold it up: headers, bodies and answers have deadlines,
//	    streams are bounded by what the node queues for them.
//	A5  Shutdown ends streams at once and lets other requests finish.
//
// It leaves to node what operations do and what is durable when, and to wire
// how things are written.
package api
