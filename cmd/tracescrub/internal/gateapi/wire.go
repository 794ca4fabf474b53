// Package gateapi is a client of release_gate's admin API: it knows the
// answers it needs and ignores what else there may be in them.
package gateapi

import "time"

// vote is one person's decision on an item.
type vote struct {
	By       string    `json:"by"`
	Decision string    `json:"decision"`
	Mode     string    `json:"mode,omitempty"`
	Reason   string    `json:"reason"`
	At       time.Time `json:"at"`
}

// Item is an item as lists have it.
type Item struct {
	ID            string    `json:"id"`
	State         string    `json:"state"`
	Version       uint64    `json:"version"`
	Signal        string    `json:"signal"`
	TraceID       string    `json:"trace_id"`
	Service       string    `json:"service"`
	Severity      string    `json:"severity"`
	Rules         []string  `json:"rules"`
	Findings      int       `json:"findings"`
	Secrets       int       `json:"secrets"`
	Spans         int       `json:"spans"`
	Bytes         int64     `json:"bytes"`
	HeldAt        time.Time `json:"held_at"`
	ExpiresAt     time.Time `json:"expires_at"`
	Votes         []vote    `json:"votes"`
	RequiredVotes int       `json:"required_votes"`
	Policy        string    `json:"policy"`
	Producer      string    `json:"producer,omitempty"`
}

// Approvals counts who has approved.
func (it *Item) Approvals() int {
	n := 0
	for _, v := range it.Votes {
		if v.Decision == "approve" {
			n++
		}
	}
	return n
}

// Detail is an item with what was found in it and what happened to it.
type Detail struct {
	Item
	FindingList []struct {
		Rule        string `json:"rule"`
		Severity    string `json:"severity"`
		Field       string `json:"field"`
		Fingerprint string `json:"fingerprint"`
		Length      int    `json:"length"`
	} `json:"finding_list"`
	History []struct {
		At      time.Time `json:"at"`
		Event   string    `json:"event"`
		By      string    `json:"by,omitempty"`
		Reason  string    `json:"reason,omitempty"`
		Version uint64    `json:"version"`
	} `json:"history"`
}

// Filter chooses items; empty fields match everything.
type Filter struct {
	States                                 []string
	Service, Rule, Severity, TraceID, Text string
}

// Result is what became of one decision of a batch.
type Result struct {
	ID      string   `json:"id"`
	Status  int      `json:"status"`
	Item    *Item    `json:"item,omitempty"`
	Problem *Problem `json:"problem,omitempty"`
}

// Notice says that an item changed. Without ID: changes may have been missed.
type Notice struct {
	Seq     uint64 `json:"seq"`
	ID      string `json:"id"`
	State   string `json:"state"`
	Version uint64 `json:"version"`
}
