package api

import (
	"context"
	"errors"
	"time"

	"github.com/tracescrub/tracescrub/internal/auditlog/source"
)

// logTime is how long the audit log may take to answer: the first question
// about an old item may take it long, but it goes on from there with the next.
const logTime = 20 * time.Second

var errNoLog = newProblem("not-implemented", "this gate was not told where the audit log is")

// receipt answers also for items that the gate has forgotten: the log has not.
func (a *API) receipt(c *call) error {
	id, err := c.itemID()
	if err != nil {
		return err
	}
	if a.Audit != nil {
		ctx, cancel := context.WithTimeout(c.ctx(), logTime)
		defer cancel()
		receipt, err := a.Audit.Decision(ctx, id)
		if err == nil {
			c.w.Header().Set("Content-Disposition", `attachment; filename="`+id+`.tlog-proof"`)
			return c.bytes("text/plain; charset=utf-8", receipt)
		}
		if !errors.Is(err, source.ErrNone) {
			return err
		}
	}
	if _, err := a.Gate.Get(c.ctx(), id); err != nil {
		return err
	}
	if a.Audit == nil {
		return errNoLog
	}
	return newProblem("no-receipt", "nobody has decided about the item, or no checkpoint covers the decision yet")
}

func (a *API) audit(c *call) error {
	if a.Audit == nil {
		return errNoLog
	}
	ctx, cancel := context.WithTimeout(c.ctx(), logTime)
	defer cancel()
	status, err := a.Audit.Status(ctx)
	if err != nil {
		return err
	}
	return c.json(status)
}
