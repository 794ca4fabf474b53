package gateapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// Problem is what a server says went wrong (RFC 9457).
type Problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	// State and Version are those of the item now, with a conflict.
	State   string `json:"state,omitempty"`
	Version uint64 `json:"version,omitempty"`
	// Done and Total say how far the index is while it is being rebuilt.
	Done  int64 `json:"done,omitempty"`
	Total int64 `json:"total,omitempty"`
}

func (p *Problem) Error() string {
	say := strings.TrimSuffix(lower(p.Title), "?")
	if say == "" {
		say = fmt.Sprintf("the server answered %d", p.Status)
	}
	switch {
	case p.Status == http.StatusUnauthorized:
		return "the server does not accept the credentials: " + p.Detail
	case p.Total > 0:
		return fmt.Sprintf("%s: %d of %d items", say, p.Done, p.Total)
	case p.Detail != "":
		return say + ": " + p.Detail
	}
	return say
}

// Conflict says whether somebody else was faster.
func (p *Problem) Conflict() bool {
	return p.Status == http.StatusConflict || p.Status == http.StatusPreconditionFailed
}

// AsProblem returns the problem in an error, or nil.
func AsProblem(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	return nil
}

func lower(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}

func problemOf(resp *http.Response) *Problem {
	p := &Problem{}
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxProblem))
	if err != nil || json.Unmarshal(b, p) != nil || p.Title == "" {
		p = &Problem{Detail: "no problem document; is this the admin API of release_gate?"}
	}
	p.Status = resp.StatusCode
	return p
}
