// Package notify tells people by a webhook that something waits for them, or
// was decided: which item, of which service, how severe, which rules; never
// what it says.
package notify

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/collector/config/configopaque"

	"github.com/tracescrub/tracescrub/internal/pause"
	"github.com/tracescrub/tracescrub/internal/webhook"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
)

// Config is the section `notify`.
type Config struct {
	// URL gets an HTTP POST. Who has the URL of a chat's webhook may write
	// there: it is treated as a secret.
	URL configopaque.String `mapstructure:"url"`
	// Secret signs what is sent; at least 16 bytes. Without it nothing is signed.
	Secret configopaque.String `mapstructure:"secret"`
	// On lists what is told: held, approved, denied, expired, reminder.
	On []string `mapstructure:"on"`
	// Page is where people find the review page, for a link in the text.
	Page string `mapstructure:"page"`
	// RemindBefore is how long before its expiry an item is mentioned again; 0 is never.
	RemindBefore time.Duration `mapstructure:"remind_before"`
	// Timeout is for one request.
	Timeout time.Duration `mapstructure:"timeout"`
}

// kinds are what can be told.
var kinds = []string{"held", "approved", "denied", "expired", "reminder"}

// NewDefaultConfig returns the defaults.
func NewDefaultConfig() Config {
	return Config{
		On: []string{"held", "approved", "denied", "expired", "reminder"}, RemindBefore: 24 * time.Hour, Timeout: 10 * time.Second,
	}
}

// Validate reports all mistakes.
func (c *Config) Validate() error {
	var errs []error
	errs = append(errs, webhook.Problems(c.URL, c.Secret)...)
	for i, what := range c.On {
		if !strings.Contains(" "+strings.Join(kinds, " ")+" ", " "+what+" ") || what == "" {
			errs = append(errs, fmt.Errorf("on[%d]: %q is none of %s", i, what, strings.Join(kinds, ", ")))
		}
	}
	if c.Page != "" && !webhook.IsURL(c.Page) {
		errs = append(errs, errors.New("page: must be an http or https URL"))
	}
	if c.RemindBefore < 0 {
		errs = append(errs, errors.New("remind_before: must not be negative"))
	}
	if c.Timeout <= 0 {
		errs = append(errs, errors.New("timeout: must be more than 0"))
	}
	return errors.Join(errs...)
}

const (
	// maxQueue bounds what waits to be told, maxMessage what one message tells.
	maxQueue   = 1000
	maxMessage = 20
	// The time between attempts, and how many there are.
	firstRetry  = time.Second
	lastRetry   = time.Minute
	maxAttempts = 10
	// gap keeps below what chats take.
	gap = time.Second
)

// note is one thing to tell.
type note struct {
	What     string    `json:"event"`
	ID       string    `json:"id"`
	State    string    `json:"state"`
	Signal   string    `json:"signal"`
	Service  string    `json:"service"`
	Severity string    `json:"severity"`
	Rules    []string  `json:"rules"`
	Findings int       `json:"findings"`
	Secrets  int       `json:"secrets"`
	Spans    int       `json:"spans"`
	Votes    int       `json:"votes"`
	Required int       `json:"required_votes"`
	HeldAt   time.Time `json:"held_at"`
	Expires  time.Time `json:"expires_at"`
}

// message is the body: `text` is what chats show, the rest is for programs.
type message struct {
	Text   string `json:"text"`
	ID     string `json:"message_id"` // the same in every attempt
	Events []note `json:"events"`
	// Missed is how many things were not told, because too many waited.
	Missed int `json:"missed,omitempty"`
}

// Notifier tells. It is safe for concurrent use.
type Notifier struct {
	cfg   Config
	hook  *webhook.Hook
	count func(result string, n int)

	mu     sync.Mutex
	queue  []note        // guarded by mu
	missed int           // guarded by mu
	more   chan struct{} // has room for one

	cancel context.CancelFunc
	wg     sync.WaitGroup
}

// New makes a Notifier. count hears what became of things to tell: sent,
// failed or dropped.
func New(cfg Config, count func(result string, n int)) *Notifier {
	return &Notifier{cfg: cfg, count: count, more: make(chan struct{}, 1), hook: webhook.New(cfg.URL, cfg.Secret, cfg.Timeout)}
}

// Tell takes something to be told; it never waits.
func (n *Notifier) Tell(what string, it gate.Item) {
	if !strings.Contains(" "+strings.Join(n.cfg.On, " ")+" ", " "+what+" ") {
		return
	}
	rules := it.Rules
	if rules == nil {
		rules = []string{}
	}
	n.mu.Lock()
	if len(n.queue) >= maxQueue {
		n.missed++
		n.mu.Unlock()
		n.count("dropped", 1)
		return
	}
	n.queue = append(n.queue, note{
		What: what, ID: it.ID, State: string(it.State), Signal: it.Signal, Service: it.Service, Severity: it.Severity, Rules: rules,
		Findings: it.Findings, Secrets: it.Secrets, Spans: it.Spans, Votes: len(it.Votes), Required: it.RequiredVotes,
		HeldAt: it.HeldAt, Expires: it.ExpiresAt,
	})
	n.mu.Unlock()
	select {
	case n.more <- struct{}{}:
	default:
	}
}

// Start begins to send.
func (n *Notifier) Start() {
	ctx, cancel := context.WithCancel(context.Background())
	n.cancel = cancel
	n.wg.Go(func() { n.run(ctx) })
}

// Shutdown ends it. What waits is not told.
func (n *Notifier) Shutdown() {
	if n.cancel != nil {
		n.cancel()
	}
	n.wg.Wait()
	n.hook.Close()
}

func (n *Notifier) run(ctx context.Context) {
	for {
		m, ok := n.take()
		if !ok {
			select {
			case <-n.more:
				continue
			case <-ctx.Done():
				return
			}
		}
		result := "sent"
		if err := n.deliver(ctx, m); err != nil {
			result = "failed"
		}
		n.count(result, len(m.Events))
		if pause.For(ctx, gap) != nil {
			return
		}
	}
}

func (n *Notifier) take() (message, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.queue) == 0 {
		return message{}, false
	}
	some := min(len(n.queue), maxMessage)
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	m := message{ID: hex.EncodeToString(id[:]), Events: append([]note{}, n.queue[:some]...), Missed: n.missed}
	n.queue, n.missed = append(n.queue[:0], n.queue[some:]...), 0
	m.Text = text(m, n.cfg.Page)
	return m, true
}

// text is what a chat shows. Names of services and rules come from telemetry
// and rule packs: nothing in them may act as markup.
func text(m message, page string) string {
	var b strings.Builder
	for _, e := range m.Events {
		line := fmt.Sprintf("%s: item %s of service %s (%s, %d findings: %s)", e.What, e.ID, webhook.Plain(e.Service), webhook.Plain(e.Severity), e.Findings, webhook.Plain(strings.Join(e.Rules, ", ")))
		switch e.What {
		case "held":
			line += fmt.Sprintf(", needs %d approvals until %s", e.Required, e.Expires.UTC().Format(time.RFC3339))
		case "reminder":
			line += fmt.Sprintf(", has %d of %d approvals, expires %s", e.Votes, e.Required, e.Expires.UTC().Format(time.RFC3339))
		}
		b.WriteString(line + "\n")
	}
	if m.Missed > 0 {
		fmt.Fprintf(&b, "and %d more\n", m.Missed)
	}
	b.WriteString(page)
	return strings.TrimSpace(b.String())
}

// deliver sends one message until it is taken, or for good reason not.
func (n *Notifier) deliver(ctx context.Context, m message) error {
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	wait := firstRetry
	for range maxAttempts {
		var again bool
		if again, err = n.hook.Post(ctx, m.ID, body); err == nil || !again {
			return err
		}
		if pause.For(ctx, wait) != nil {
			return ctx.Err()
		}
		wait = min(2*wait, lastRetry)
	}
	return err
}
