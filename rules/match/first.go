package match

// firsts tells the nodes that an attempt may go on to in vain what they can begin with.
func (c *compiler) firsts() {
	known := map[[256]bool]*[256]bool{} // many are the same
	of := func(n *node) {
		var set [256]bool
		if n.first != nil || n.begins(&set, map[*node]bool{}) {
			return
		}
		if known[set] == nil {
			known[set] = &set
		}
		n.first = known[set]
	}
	for _, n := range c.branches {
		for _, a := range n.alts {
			of(a)
		}
		if n.op == opAlt {
			of(n)
		}
		if n.op == opSet {
			of(n.next)
			n.sole = n.next.first != nil && disjoint(n.set, n.next.first)
		}
	}
}

// disjoint says that no byte is in both sets.
func disjoint(a, b *[256]bool) bool {
	for c := range a {
		if a[c] && b[c] {
			return false
		}
	}
	return true
}

// begins adds to set what n and what follows it can begin with; all says that
// it may also be nothing, so that every byte can stand there.
func (n *node) begins(set *[256]bool, seen map[*node]bool) (all bool) {
	if seen[n] {
		return false
	}
	seen[n] = true
	switch n.op {
	case opMatch:
		return true
	case opLit:
		addFolded(set, n.lit[0], n.foldCase)
		return false
	case opSet:
		union(set, n.set)
		return n.min == 0 && n.next.begins(set, seen)
	case opAlt, opLoop:
		for _, a := range n.alts {
			all = a.begins(set, seen) || all
		}
		return all || n.op == opLoop && n.next.begins(set, seen)
	default:
		return n.next.begins(set, seen)
	}
}

// refuses says that nothing that n begins can stand at offset i of text.
func (n *node) refuses(text []byte, i int) bool {
	return n.first != nil && i < len(text) && !n.first[text[i]]
}

// try is run, unless a look at one byte shows that it would be in vain.
func (s *State) try(n *node, i int) int {
	if n.refuses(s.text, i) {
		s.Steps++
		s.Far = max(s.Far, i)
		return -1
	}
	return s.run(n, i)
}
