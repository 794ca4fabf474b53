package releasereceiver

import (
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/tracescrub/tracescrub/rules"
	"github.com/tracescrub/tracescrub/rules/packs"
)

// scanTime bounds the scan of a reason, which is short.
const scanTime = time.Second

// secretIn returns what says whether a text holds what looks like a secret,
// by the built-in rules: whoever explains why a token may pass is tempted to
// quote it, and reasons are kept. The engine is made for the first vote.
func secretIn(log *zap.Logger) func(string) bool {
	engine := sync.OnceValue(func() *rules.Engine {
		builtin, err := packs.Builtin()
		if err != nil {
			log.Error("no vote counts, since reasons cannot be scanned: the built-in rules do not load", zap.Error(err))
			return nil
		}
		e, err := rules.Compile(rules.Limits{}, builtin...)
		if err != nil {
			log.Error("no vote counts, since reasons cannot be scanned: the built-in rules do not compile", zap.Error(err))
			return nil
		}
		return e
	})
	return func(text string) bool {
		e := engine()
		if e == nil {
			return true // fail closed: deciding can wait
		}
		return len(e.Scan(nil, []byte(text), rules.Context{Deadline: time.Now().Add(scanTime)})) > 0
	}
}
