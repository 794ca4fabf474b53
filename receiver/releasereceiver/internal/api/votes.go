package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
)

// The limits of a vote and of a batch.
const (
	maxReason    = 1000 // characters
	maxVoteBody  = 16 << 10
	maxBatch     = 500
	maxBatchBody = 64 << 10
	batchTime    = 5 * time.Minute
	batchVotes   = 8 // at the same time: each waits for the disk, and they share that
)

// The modes of a release.
const (
	masked   = "masked"
	original = "original"
)

func (a *API) approve(c *call) error { return a.vote(c, true, "reason", "mode") }

func (a *API) deny(c *call) error { return a.vote(c, false, "reason") }

func (a *API) vote(c *call, approve bool, members ...string) error {
	id, err := c.itemID()
	if err != nil {
		return err
	}
	version, err := c.ifMatch()
	if err != nil {
		return err
	}
	body, err := c.members(maxVoteBody, members...)
	if err != nil {
		return err
	}
	b := gate.Ballot{Item: id, Version: version, Approve: approve}
	if b.Reason, err = reason(body["reason"]); err != nil {
		return err
	}
	if b.Mode, err = mode(approve, body["mode"]); err != nil {
		return err
	}
	if b.Mode == original {
		if err := a.mayReveal(c.who); err != nil {
			return err
		}
	}
	it, err := a.Gate.Vote(c.ctx(), c.who.Actor, b, c.who.may(gate.Reveal))
	var conflict *gate.Conflict
	if errors.As(err, &conflict) {
		it, err = a.counted(c, b, conflict)
	}
	if err != nil {
		return err
	}
	fill(&it)
	c.w.Header().Set("ETag", etag(it.Version))
	return c.json(it)
}

// counted tells a vote that comes too late from one that comes twice, since
// its answer got lost: if the same person's same vote, with the same reason,
// is counted already, the answer is the item as it is.
func (a *API) counted(c *call, b gate.Ballot, conflict *gate.Conflict) (gate.Item, error) {
	if b.Version >= conflict.Version {
		return gate.Item{}, conflict
	}
	d, err := a.Gate.Get(c.ctx(), b.Item)
	if err != nil {
		return gate.Item{}, err
	}
	decision := "deny"
	if b.Approve {
		decision = "approve"
	}
	if slices.ContainsFunc(d.Votes, func(v gate.Vote) bool {
		return v.By == c.who.Identity && v.Decision == decision && (v.Mode == b.Mode || !b.Approve) && v.Reason == b.Reason
	}) {
		return d.Item, nil
	}
	return gate.Item{}, conflict
}

var strongTag = regexp.MustCompile(`^"([0-9]{1,20})"$`)

// ifMatch reads the version that the voter saw.
func (c *call) ifMatch() (uint64, error) {
	values := c.r.Header.Values("If-Match")
	if len(values) == 0 {
		return 0, newProblem("precondition-required", "send the item's ETag, as you saw it, in If-Match")
	}
	m := strongTag.FindStringSubmatch(values[0])
	if len(values) > 1 || m == nil {
		return 0, badRequest("If-Match", "must be one ETag of this item")
	}
	version, err := strconv.ParseUint(m[1], 10, 64)
	if err != nil || version == 0 {
		return 0, badRequest("If-Match", "must be one ETag of this item")
	}
	return version, nil
}

// text reads a string.
func text(where string, raw json.RawMessage) (string, error) {
	var s *string
	if raw == nil || json.Unmarshal(raw, &s) != nil || s == nil {
		return "", badRequest(where, "must be a string")
	}
	return *s, nil
}

// reason reads why somebody votes. It is shown to others, so nothing in it
// may change how the text around it reads.
func reason(raw json.RawMessage) (string, error) {
	s, err := text("reason", raw)
	if err != nil {
		return "", err
	}
	s = strings.TrimSpace(s)
	switch {
	case s == "":
		return "", badRequest("reason", "must say why")
	case utf8.RuneCountInString(s) > maxReason:
		return "", badRequest("reason", "must have at most "+strconv.Itoa(maxReason)+" characters")
	case strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.Is(unicode.Bidi_Control, r) || r == utf8.RuneError
	}):
		return "", badRequest("reason", "must be plain text")
	}
	return s, nil
}

func mode(approve bool, raw json.RawMessage) (string, error) {
	if !approve {
		return "", nil
	}
	if raw == nil {
		return masked, nil
	}
	s, err := text("mode", raw)
	if err != nil || s != masked && s != original {
		return "", badRequest("mode", "must be masked or original")
	}
	return s, nil
}

func (a *API) batchApprove(c *call) error { return a.batch(c, true) }

func (a *API) batchDeny(c *call) error { return a.batch(c, false) }

// result is what became of one vote of a batch.
type result struct {
	ID      string         `json:"id"`
	Status  int            `json:"status"`
	Item    *gate.Item     `json:"item,omitempty"`
	Problem map[string]any `json:"problem,omitempty"`
}

// batch votes on many items, whatever their versions; each succeeds or fails
// by itself. It approves masked releases only: an original deserves a look.
func (a *API) batch(c *call, approve bool) error {
	body, err := c.members(maxBatchBody, "ids", "reason")
	if err != nil {
		return err
	}
	b := gate.Ballot{Approve: approve}
	if approve {
		b.Mode = masked
	}
	if b.Reason, err = reason(body["reason"]); err != nil {
		return err
	}
	ids, err := batchIDs(body["ids"])
	if err != nil {
		return err
	}
	c.moreTime(batchTime)
	results := make([]result, len(ids))
	var voters sync.WaitGroup
	for first := range min(batchVotes, len(ids)) {
		voters.Go(func() {
			for i := first; i < len(ids) && c.ctx().Err() == nil; i += batchVotes {
				results[i] = a.one(c, b, ids[i])
			}
		})
	}
	voters.Wait()
	if c.ctx().Err() != nil {
		return nil // nobody waits for an answer
	}
	return c.json(map[string]any{"results": results})
}

// one casts one vote of a batch.
func (a *API) one(c *call, b gate.Ballot, id string) (r result) {
	failed := func(err error) result {
		p := problemOf(err)
		a.log(c, p)
		return result{ID: id, Status: p.status, Problem: p.document(c.instance)}
	}
	defer func() { // here nobody else would recover, and the whole Collector would end
		if v := recover(); v != nil {
			r = failed(fmt.Errorf("panic of type %T in a vote of a batch", v))
		}
	}()
	b.Item = id
	it, err := a.Gate.Vote(c.ctx(), c.who.Actor, b, c.who.may(gate.Reveal))
	if err != nil {
		return failed(err)
	}
	fill(&it)
	return result{ID: id, Status: 200, Item: &it}
}

func batchIDs(raw json.RawMessage) ([]string, error) {
	var ids []string
	if raw == nil || json.Unmarshal(raw, &ids) != nil || len(ids) == 0 || len(ids) > maxBatch {
		return nil, badRequest("ids", "must be a list of 1 to "+strconv.Itoa(maxBatch)+" item ids")
	}
	seen := map[string]bool{}
	for _, id := range ids {
		if !isHex32(id) {
			return nil, badRequest("ids", "must be item ids: 32 lower-case hex digits each")
		}
		if seen[id] {
			return nil, badRequest("ids", "must not name an item twice")
		}
		seen[id] = true
	}
	return ids, nil
}
