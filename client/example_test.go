package client_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/scalesmall/ssnode/client"
	"github.com/scalesmall/ssnode/wire"
)

// node stands for a node that serves one range.
var node = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	_, _ = io.WriteString(w, `{"keyspace":"default","key":"foo","from":"a","to":"m","servers":[`+
		`{"node":"n2","priority":10,"address":"10.0.0.2:99","liveness":"alive"},`+
		`{"node":"n1","priority":5,"address":"10.0.0.1:99","liveness":"dead"}],"token":"gA"}`)
})

func ExampleClient_Lookup() {
	server := httptest.NewServer(node)
	defer server.Close()
	c, err := client.New(server.URL, client.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	found, err := c.Lookup(context.Background(), "default", "foo", "")
	if err != nil {
		fmt.Println(wire.CodeOf(err), err)
		return
	}
	for _, s := range found.Servers {
		fmt.Println(s.Node, s.Priority, s.Address, s.Liveness)
	}
	// Output:
	// n2 10 10.0.0.2:99 alive
	// n1 5 10.0.0.1:99 dead
}
