// Command serve runs the admin API on a gate in memory, for work on the page
// and for tests of clients. It forgets everything when it ends.
//
// Beside the API it takes, from anybody, POST /test/hold (one more item is
// held), POST /test/move/{id}/{state} (an item gets there by itself) and
// POST /test/loading/{done} (so many of 1000 items are indexed).
package main

import (
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
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/collector/client"

	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/api"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/api/apitest"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8686", "address to listen on")
	items := flag.Int("items", 40, "items that are held at the start")
	users := flag.String("users", "", "user=password, separated by commas; they may do everything (default: no authentication)")
	dir := flag.String("page", "", "directory with the page's files (default: no page)")
	flag.Parse()
	if err := run(*listen, *items, *users, *dir); err != nil {
		log.Fatal(err)
	}
}

func run(listen string, items int, users, dir string) error {
	fake := apitest.New()
	fake.Fill(items)
	o := api.Options{Gate: fake, Config: api.NewDefaultConfig()}
	o.Config.Limits.RequestsPerSecond, o.Config.Limits.Burst = 1000, 1000
	if users == "" {
		o.Local = &gate.Actor{Identity: "local somebody", Subject: "somebody"}
	} else {
		known := passwords{}
		for pair := range strings.SplitSeq(users, ",") {
			name, password, _ := strings.Cut(pair, "=")
			known[name] = password
			o.Config.Permissions = append(o.Config.Permissions, api.Grant{
				Users: []string{name}, Allow: []gate.Permission{gate.List, gate.Preview, gate.Decide, gate.Reveal, gate.Audit},
			})
		}
		o.Authenticator, o.Basic = known, true
	}
	if dir != "" {
		o.Page = http.FileServer(http.Dir(dir))
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
	mux.HandleFunc("POST /test/loading/{done}", func(w http.ResponseWriter, r *http.Request) {
		done, err := strconv.ParseInt(r.PathValue("done"), 10, 64)
		if err != nil {
			http.Error(w, "no number", http.StatusBadRequest)
			return
		}
		fake.SetLoading(done)
	})
	return mux
}

// passwords is an authenticator like basicauth.
type passwords map[string]string

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
