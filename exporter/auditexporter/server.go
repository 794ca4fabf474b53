package auditexporter

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"

	"github.com/tracescrub/tracescrub/internal/auditlog/source"
	"github.com/tracescrub/tracescrub/internal/auditlog/tiles"
	"github.com/tracescrub/tracescrub/internal/guarded"
)

// server shows the log to those who do not write it.
type server struct {
	http *http.Server
	wg   sync.WaitGroup
}

// serve starts the server, if there is to be one.
func (w *working) serve(ctx context.Context, host component.Host, set component.TelemetrySettings) error {
	if !w.cfg.HTTP.HasValue() {
		return nil
	}
	cfg := w.cfg.HTTP.Get()
	mux := http.NewServeMux() // both take GET only
	mux.Handle("/", source.Handler(source.Directory(w.cfg.Directory)))
	mux.Handle("/tile/", tiles.Handler(w.cfg.Directory))
	listener, err := cfg.ToListener(ctx)
	if err != nil {
		return fmt.Errorf("http::endpoint: %w", err)
	}
	s := &server{}
	if s.http, err = cfg.ToServer(ctx, host.GetExtensions(), set, mux); err != nil {
		return errors.Join(fmt.Errorf("http: %w", err), listener.Close())
	}
	guarded.Bound(s.http)
	s.wg.Go(func() {
		if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			componentstatus.ReportStatus(host, componentstatus.NewFatalErrorEvent(fmt.Errorf("the server of the audit log ended: %w", err)))
		}
	})
	w.server = s
	return nil
}

// end lets requests that are under way end until ctx does.
func (s *server) end(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = s.http.Close()
	}
	s.wg.Wait()
	return err
}
