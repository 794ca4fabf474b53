// Command pagetest serves the review page with the admin API on a gate in
// memory, for work on the page and for its tests: the binary that users run
// needs a Collector around it. It forgets everything when it ends.
//
// People and passwords are lines `user:password` of a file; every user may do
// everything, but `viewer` may only look and `voter` may not release
// originals. Beside the API it takes, from anybody, POST /test/hold (one more
// item is held) and POST /test/move/{id}/{state} (an item gets there by itself).
package main

import (
	"bufio"
	"context"
	"crypto/subtle"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"time"

	"go.opentelemetry.io/collector/client"

	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/api"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/api/apitest"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/page"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8686", "address to listen on")
	users := flag.String("users", "", "`file` of user:password lines (default: no authentication)")
	now := flag.String("now", "", "the `time` at which the newest item was held, RFC 3339 (default: now)")
	more := flag.Int("more", 60, "how many plain items there are beside those that show something")
	flag.Parse()
	if err := run(*listen, *users, *now, *more); err != nil {
		log.Fatal(err)
	}
}

func run(listen, users, at string, more int) error {
	now := time.Now().UTC().Truncate(time.Second)
	if at != "" {
		var err error
		if now, err = time.Parse(time.RFC3339, at); err != nil {
			return fmt.Errorf("-now: %w", err)
		}
	}
	fake := apitest.New()
	stock(fake, now, more)
	audit := apitest.NewLog()
	for range 1210 {
		audit.Tell("", "tracescrub.masked")
	}
	o := api.Options{Gate: fake, Audit: &decided{audit, fake}, Config: api.NewDefaultConfig(), Page: page.Handler()}
	o.Config.Limits.RequestsPerSecond, o.Config.Limits.Burst, o.Config.Limits.FailedLoginsPerMinute = 1000, 1000, 1000
	if users == "" {
		o.Local = &gate.Actor{Identity: "local somebody", Subject: "somebody"}
	} else {
		known, err := readUsers(users)
		if err != nil {
			return err
		}
		o.Authenticator, o.Basic, o.Config.Permissions = known, true, known.grants()
	}
	handler, err := api.New(o)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", listen)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: control(fake, handler), ReadHeaderTimeout: 10 * time.Second}
	server.RegisterOnShutdown(handler.Close)
	defer context.AfterFunc(ctx, func() { server.Close() })()
	fmt.Printf("http://%s/\n", l.Addr())
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// control lets tests make happen what a gate does by itself.
func control(fake *apitest.Fake, next http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", next)
	mux.HandleFunc("POST /test/hold", func(http.ResponseWriter, *http.Request) { fake.Fill(1) })
	mux.HandleFunc("POST /test/move/{id}/{state}", func(_ http.ResponseWriter, r *http.Request) {
		fake.Move(r.PathValue("id"), gate.State(r.PathValue("state")), r.PathValue("state"))
	})
	return mux
}

// passwords is an authenticator like basicauth.
type passwords map[string]string

func readUsers(name string) (passwords, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	known := passwords{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if user, password, ok := strings.Cut(lines.Text(), ":"); ok {
			known[user] = password
		}
	}
	if len(known) == 0 {
		return nil, fmt.Errorf("%s: no line user:password", name)
	}
	return known, nil
}

func (p passwords) grants() []api.Grant {
	var grants []api.Grant
	for name := range p {
		allow := []gate.Permission{gate.List, gate.Preview, gate.Decide, gate.Reveal, gate.Audit}
		switch name {
		case "viewer":
			allow = allow[:2]
		case "voter":
			allow = allow[:3]
		}
		grants = append(grants, api.Grant{Users: []string{name}, Allow: allow})
	}
	return grants
}

// Authenticate is of extensionauth.Server.
func (p passwords) Authenticate(ctx context.Context, headers map[string][]string) (context.Context, error) {
	r := http.Request{Header: headers}
	name, password, ok := r.BasicAuth()
	if want, known := p[name]; !ok || !known || subtle.ConstantTimeCompare([]byte(password), []byte(want)) != 1 {
		return ctx, errors.New("unknown")
	}
	info := client.FromContext(ctx)
	info.Auth = user(name)
	return client.NewContext(ctx, info), nil
}

// user is what basicauth says of somebody.
type user string

// GetAttribute is of client.AuthData.
func (u user) GetAttribute(name string) any {
	if name == "username" {
		return string(u)
	}
	return nil
}

// GetAttributeNames is of client.AuthData.
func (u user) GetAttributeNames() []string { return []string{"username"} }
