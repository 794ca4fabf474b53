package api

import (
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
)

// The limits of what a question may hold.
const (
	defaultPage = 50
	maxPage     = 500
	maxText     = 200 // bytes of a filter
	maxToken    = 1024
	// maxPreviews is how many may be under way; one person may have a tenth.
	maxPreviews = 40
)

var (
	states     = []string{"pending", "approved", "releasing", "released", "denied", "expired", "shredded"}
	severities = []string{"low", "medium", "high", "critical"}
	filters    = []string{"state", "service", "rule", "severity", "trace_id", "q", "page_size", "page_token"}
)

func (a *API) list(c *call) error {
	q, err := parseQuery(c.r.URL.RawQuery)
	if err != nil {
		return err
	}
	page, err := a.Gate.List(q)
	if err != nil {
		return err
	}
	if page.Items == nil {
		page.Items = []gate.Item{}
	}
	for i := range page.Items {
		fill(&page.Items[i])
	}
	return c.json(page)
}

// fill puts empty lists in the place of absent ones: clients need not tell them apart.
func fill(it *gate.Item) {
	if it.Rules == nil {
		it.Rules = []string{}
	}
	if it.Votes == nil {
		it.Votes = []gate.Vote{}
	}
}

// parseQuery reads the filters of a list. What it does not know is an error:
// a filter that did nothing would show more than was asked for.
func parseQuery(raw string) (gate.Query, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return gate.Query{}, badRequest("query", "is not well-formed")
	}
	q := gate.Query{PageSize: defaultPage}
	for name, all := range values {
		if !slices.Contains(filters, name) {
			return gate.Query{}, badRequest("query", "has an unknown parameter; known are "+strings.Join(filters, ", "))
		}
		if len(all) > 1 && name != "state" {
			return gate.Query{}, badRequest(name, "is there more than once")
		}
		limit := maxText
		if name == "page_token" {
			limit = maxToken
		}
		for _, v := range all {
			if len(v) > limit || !utf8.ValidString(v) || strings.ContainsFunc(v, unicode.IsControl) {
				return gate.Query{}, badRequest(name, "is too long or no plain text")
			}
		}
	}
	for _, list := range values["state"] {
		for s := range strings.SplitSeq(list, ",") {
			if !slices.Contains(states, s) {
				return gate.Query{}, badRequest("state", "is none of "+strings.Join(states, ", "))
			}
			if !slices.Contains(q.States, gate.State(s)) {
				q.States = append(q.States, gate.State(s))
			}
		}
	}
	q.Service, q.Rule, q.Text, q.Token = values.Get("service"), values.Get("rule"), values.Get("q"), values.Get("page_token")
	if q.Severity = values.Get("severity"); q.Severity != "" && !slices.Contains(severities, q.Severity) {
		return gate.Query{}, badRequest("severity", "is none of "+strings.Join(severities, ", "))
	}
	if q.TraceID = strings.ToLower(values.Get("trace_id")); q.TraceID != "" && !isHex32(q.TraceID) {
		return gate.Query{}, badRequest("trace_id", "must be 32 hex digits")
	}
	if s := values.Get("page_size"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > maxPage {
			return gate.Query{}, badRequest("page_size", "must be between 1 and "+strconv.Itoa(maxPage))
		}
		q.PageSize = n
	}
	return q, nil
}

// isHex32 says whether s is 32 lower-case hex digits, as trace ids and item ids are.
func isHex32(s string) bool {
	_, err := envelope.ParseID(s)
	return err == nil && s == strings.ToLower(s)
}

// itemID returns the id in the request's address. One that no item can have
// is not malformed: there is just no such item.
func (c *call) itemID() (string, error) {
	if !isHex32(c.id) {
		return "", gate.ErrNotFound
	}
	return c.id, nil
}

// etag is an item's version as an entity tag.
func etag(version uint64) string { return `"` + strconv.FormatUint(version, 10) + `"` }

func (a *API) item(c *call) error {
	id, err := c.itemID()
	if err != nil {
		return err
	}
	d, err := a.Gate.Get(c.ctx(), id)
	if err != nil {
		return err
	}
	c.w.Header().Set("ETag", etag(d.Version))
	if c.noneMatch(etag(d.Version)) {
		c.w.WriteHeader(304)
		return nil
	}
	fill(&d.Item)
	if d.FindingList == nil {
		d.FindingList = []gate.Finding{}
	}
	if d.History == nil {
		d.History = []gate.Change{}
	}
	return c.json(d)
}

// noneMatch says whether the client has the version already.
func (c *call) noneMatch(tag string) bool {
	for _, line := range c.r.Header.Values("If-None-Match") {
		for t := range strings.SplitSeq(line, ",") {
			if t = strings.TrimPrefix(strings.TrimSpace(t), "W/"); t == tag || t == "*" {
				return true
			}
		}
	}
	return false
}

func (a *API) preview(c *call) error {
	id, err := c.itemID()
	if err != nil {
		return err
	}
	// Until a slow client has taken it, memory holds it.
	if !a.previews.open(c.who.Identity) {
		return newProblem("too-many-requests", "too many previews are under way").retryAfter(time.Second)
	}
	defer a.previews.close(c.who.Identity)
	otlp, err := a.Gate.Preview(c.ctx(), c.who.Actor, id)
	if err != nil {
		return err
	}
	if !json.Valid(otlp) {
		return errors.New("the preview is not valid JSON")
	}
	return c.bytes("application/json", otlp)
}

func (a *API) stats(c *call) error {
	s, err := a.Gate.Stats()
	if err != nil {
		return err
	}
	if s.States == nil {
		s.States = map[gate.State]int{}
	}
	return c.json(s)
}
