package secretmaskprocessor

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/tracescrub/tracescrub/internal/verdict"
	"github.com/tracescrub/tracescrub/internal/walk"
)

// ahead is a look at the items of a large batch before they are visited, on as
// many cores as nobody else scans on. It writes to nothing and finds out one
// thing: that an item is clean, so that a visit would change nothing. Every
// other item is visited in its turn, as without a look ahead: findings, edits
// and stamps come from one goroutine in one order.
type ahead struct {
	first int          // the item that it begins with
	block int          // items that a scout takes at a time
	next  atomic.Int64 // the block that is taken next
	// clean has, by item from first on, the bytes of text of what is clean, 0
	// for what is not. Each is written by the scout that took it.
	clean []int
	dirty atomic.Int64 // items that are not clean
	stop  atomic.Bool  // there is no use in going on
	fault atomic.Pointer[fault]
}

// fault is a panic of another goroutine. It holds no data.
type fault struct {
	kind  string
	stack []byte
}

// scout is a goroutine's part in it.
type scout struct {
	ahead    *ahead
	item     int // the number of the item at hand
	from, to int // the items of the block at hand
	mine     bool
	dirty    bool // the item at hand is not, or not known to be, clean
}

const (
	minSample = 4        // items that are visited before anything is said about those that follow
	minAhead  = 64 << 10 // bytes of text from which another goroutine pays
	perBlock  = 16 << 10 // bytes of text that a scout takes at a time
	mostItems = 64       // items that it takes at a time
)

// scanning are the goroutines that scan, of all processors together.
var scanning atomic.Int64

// freeCores takes up to n cores that nobody scans on. Each must be given back.
func freeCores(n int) (taken int) {
	for limit := int64(runtime.GOMAXPROCS(0)); taken < n; {
		busy := scanning.Load()
		if busy >= limit {
			break
		}
		if scanning.CompareAndSwap(busy, busy+1) {
			taken++
		}
	}
	return taken
}

// skip is walk.Options.Skip.
func (s *scan) skip(at *walk.Place) bool {
	s.known = false
	switch {
	case at.Unit.Level != walk.Item:
		return s.pass == scouting
	case s.pass == scouting:
		return s.scout.skip()
	case s.pass != search:
		return false
	}
	n := s.items
	s.items++
	s.lookAhead(n)
	size := s.ahead.size(n)
	if size == 0 || s.found > s.cfg.Limits.MaxFindings {
		return false
	}
	if s.signal.Equals(&logsSignal) { // their texts have neighbours in other records
		s.known = true
		return false
	}
	s.bytes += size
	if at.Trace != s.trace {
		s.inTrace(at.Trace)
	}
	return true
}

// size returns the bytes of an item that is clean, 0 if it may not be.
func (a *ahead) size(n int) int {
	if i := n - a.first; i >= 0 && i < len(a.clean) {
		return a.clean[i]
	}
	return 0
}

// pays says whether it pays to look at the items from n on, and how many a
// scout takes at a time.
func (s *scan) pays(n int) (block int, yes bool) {
	left := s.total - n
	if len(s.ahead.clean) > 0 || s.visit == nil || s.release != nil || n < minSample && s.bytes < minAhead || n == 0 || left < 2 ||
		s.expired || 8*s.found > n {
		return 0, false
	}
	each := s.bytes/n + 1
	return min(max(perBlock/each, 1), mostItems, (left+1)/2), each*left >= minAhead
}

// lookAhead looks at the items from n on if it pays.
func (s *scan) lookAhead(n int) {
	if n > minSample && n%minSample != 0 {
		return
	}
	block, yes := s.pays(n)
	if !yes {
		return
	}
	left := s.total - n
	others := freeCores((left - 1) / block)
	if others == 0 {
		return
	}
	a := s.ahead
	a.first, a.block = n, block
	a.clean = append(a.clean[:0], make([]int, left)...)
	visit := s.visit
	var all sync.WaitGroup
	for range others {
		other := s.enlist()
		all.Go(func() {
			defer scanning.Add(-1)
			other.explore(visit)
		})
	}
	s.enlist().explore(visit)
	all.Wait()
	if f := a.fault.Load(); f != nil {
		panic(f)
	}
}

// forget ends the look at a batch.
func (a *ahead) forget() {
	a.clean = a.clean[:0]
	a.first = 0
	a.next.Store(0)
	a.dirty.Store(0)
	a.stop.Store(false)
	a.fault.Store(nil)
}

// enlist makes another scan a scout of this one.
func (s *scan) enlist() *scan {
	o := s.peers.Get().(*scan)
	o.begin(s.state, s.signal, s.deadline.Add(-s.cfg.Limits.MaxBatchTime))
	o.sentBy(s.producer)
	o.peers, o.gone = s.peers, s.gone
	o.pass, o.where.Resource = scouting, o.inResource
	o.scout = scout{ahead: s.ahead, from: s.ahead.first, to: s.ahead.first}
	return o
}

// explore walks through the batch as a scout, and gives the scan back.
func (s *scan) explore(visit func(*walk.Walker) int) {
	defer func() {
		if r := recover(); r != nil { // s may be in any state: it is not used again
			s.scout.ahead.fault.Store(&fault{fmt.Sprintf("%T", r), debug.Stack()})
			s.scout.ahead.stop.Store(true)
		}
	}()
	visit(s.walker)
	peers := s.peers
	s.end()
	peers.Put(s)
}

// skip says whether the next item is another scout's, or nobody's.
func (c *scout) skip() bool {
	n, a := c.item, c.ahead
	c.item++
	if n >= c.to {
		c.from = a.first + (int(a.next.Add(1))-1)*a.block
		c.to = c.from + a.block
	}
	c.mine = n >= c.from && !a.stop.Load()
	c.dirty = false
	return !c.mine
}

// scouted looks at a text.
func (s *scan) scouted(text []byte) (out []byte) {
	if s.place.TooDeep {
		s.scout.dirty = true
		return text // it stays
	}
	if s.scout.dirty {
		return nil
	}
	s.bytes += len(text)
	if s.beyond(s.place, len(text)) != 0 {
		s.scout.dirty = true
		s.scout.ahead.stop.Store(true)
		return nil
	}
	if masked := s.scanned(text); masked != nil || len(s.hits) > 0 {
		s.scout.dirty = true
		s.hits = s.hits[:0]
		return nil
	}
	if series := s.place.Series(); series != 0 && !s.signal.Equals(&logsSignal) {
		s.streams.add(series, text, nil, nil)
	}
	return nil
}

// ours is how the attributes begin that only we may write.
var ours = strings.TrimSuffix(verdict.Policy, "policy")

// scoutedAttributes looks for forged stamps: they are removed by a visit.
func (s *scan) scoutedAttributes(attrs pcommon.Map) {
	for k := range attrs.All() {
		if len(k) >= len(ours) && strings.EqualFold(k[:len(ours)], ours) {
			s.scout.dirty = true
		}
	}
}

// scoutedItem notes what a scout found out about an item.
func (s *scan) scoutedItem() {
	c := &s.scout
	if !c.mine {
		return
	}
	s.streams.flush()
	// Without a text nothing is known of the item's trace: a visit is cheap.
	if a := c.ahead; !c.dirty && s.bytes > 0 {
		a.clean[c.item-1-a.first] = s.bytes
	} else if 4*a.dirty.Add(1) > int64(len(a.clean)) {
		a.stop.Store(true)
	}
	s.bytes, c.mine = 0, false
}
