// Package tiles shows an audit log as C2SP tlog-tiles, so that any client of
// such logs can read and check it.
package tiles

import (
	"context"
	"net/http"
)

// Export writes the signed part of the log in a directory as C2SP tlog-tiles
// below out, which must not exist or be an earlier export of the same log.
// progress is told how many of how many entries have been read; may be nil.
func Export(ctx context.Context, dir, out string, progress func(done, total int64)) error { return nil }

// Handler serves the same from the log itself, while it is written: GET
// /checkpoint, /tile/<level>/<index>, /tile/entries/<index>.
func Handler(dir string) http.Handler { return http.NotFoundHandler() }
