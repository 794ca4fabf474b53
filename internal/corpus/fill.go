package corpus

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
)

var placeholder = regexp.MustCompile(`\{\{([sdnt]\d+)((?:\.[a-z0-9]+)*)\}\}`)

// Fill makes fresh secrets and look-alikes and writes them into all templates,
// or into those with the given names. The same seed gives the same cases.
func (c *Corpus) Fill(seed uint64, names ...string) ([]Case, error) {
	var out []Case
	for i := range c.templates {
		t := &c.templates[i]
		if len(names) > 0 && !slices.Contains(names, t.Name) {
			continue
		}
		filled, err := t.fill(seed)
		if err != nil {
			return nil, fmt.Errorf("filling %s: %w", t.Name, err)
		}
		out = append(out, filled)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no template among %d has one of the names %q", len(c.templates), names)
	}
	return out, nil
}

// filler is the state of one fill.
type filler struct {
	r      *rand.Rand
	t      *template
	values map[string]string // secrets and decoys by id
	specs  map[string]secretSpec
	texts  map[string]string
	rows   []Row
	decoys map[string][]string // paths by id
	used   map[string]bool
	errs   []string
}

func (t *template) fill(seed uint64) (Case, error) {
	h := fnv.New64a()
	h.Write([]byte(t.Name))
	f := &filler{
		r: rand.New(rand.NewPCG(seed, h.Sum64())), t: t, values: map[string]string{},
		specs: map[string]secretSpec{}, texts: map[string]string{}, decoys: map[string][]string{}, used: map[string]bool{},
	}
	out := Case{Name: t.Name, Class: t.Class, Dialect: t.Dialect, Scenario: t.Scenario, About: t.About, Signal: t.Signal}
	for _, s := range t.Secrets {
		v, err := generate(f.r, s)
		if err != nil {
			return out, err
		}
		f.values[s.ID], f.specs[s.ID] = v, s
		out.Secrets = append(out.Secrets, Secret{ID: s.ID, Kind: s.Kind, Group: s.Group, Name: s.Name, ContextOnly: s.ContextOnly, plain: v})
	}
	for _, d := range t.Decoys {
		f.values[d.ID] = expand(f.r, d.Shape)
	}
	for _, x := range t.Texts {
		f.texts[x.ID] = x.Text
	}
	var err error
	if out.Payload, out.Ideal, err = f.payload(); err != nil {
		return out, err
	}
	for _, d := range t.Decoys {
		out.Decoys = append(out.Decoys, Decoy{ID: d.ID, Kind: d.Kind, Ambiguous: d.Ambiguous, plain: f.values[d.ID], paths: f.decoys[d.ID]})
	}
	out.Rows = f.rows
	return out, f.check()
}

// payload fills the template's payload twice: with the secrets, and with masks in their place.
func (f *filler) payload() (filled, ideal []byte, err error) {
	n, err := parse(f.t.Payload)
	if err != nil {
		return nil, nil, fmt.Errorf("parsing the payload: %w", err)
	}
	masked, err := parse(f.t.Payload)
	if err != nil {
		return nil, nil, err
	}
	var twins []*node
	leaves(masked, func(l leaf) { twins = append(twins, l.n) })
	i := 0
	leaves(n, func(l leaf) {
		twin := l
		twin.n = twins[i]
		i++
		if l.kind != "bytes" && !strings.Contains(l.n.text, "{{") {
			return
		}
		// In a template the bytes are written as the text they stand for.
		text, clean := f.text(l, l.n.text, nil)
		l.setText(text)
		twin.setText(clean)
	})
	var a, b bytes.Buffer
	n.write(&a)
	masked.write(&b)
	if len(f.errs) > 0 {
		err = fmt.Errorf("%s", strings.Join(f.errs, "; "))
	}
	return a.Bytes(), b.Bytes(), err
}

// text fills the placeholders of a text. outer is the chain of forms around it, innermost first.
func (f *filler) text(l leaf, s string, outer []string) (text, clean string) {
	var a, b strings.Builder
	pos := 0
	for _, m := range placeholder.FindAllStringSubmatchIndex(s, -1) {
		a.WriteString(s[pos:m[0]])
		b.WriteString(s[pos:m[0]])
		pos = m[1]
		v, mask := f.one(l, s[m[2]:m[3]], strings.Split(s[m[4]:m[5]], ".")[1:], outer)
		a.WriteString(v)
		b.WriteString(mask)
	}
	a.WriteString(s[pos:])
	b.WriteString(s[pos:])
	return a.String(), b.String()
}

// one fills one placeholder and notes what it planted.
func (f *filler) one(l leaf, id string, chain, outer []string) (text, mask string) {
	all := append(slices.Clone(chain), outer...)
	if inner, ok := f.texts[id]; ok {
		before, decoys := len(f.rows), f.decoys
		f.decoys = map[string][]string{} // a look-alike inside goes with the whole
		raw, _ := f.text(l, inner, all)
		text, f.decoys = f.write(raw, chain), decoys
		for i := before; i < len(f.rows); i++ {
			f.rows[i].raw = text // what stands in the leaf is the encoded whole
		}
		return text, maskOf(id)
	}
	v, ok := f.values[id]
	if !ok {
		f.errs = append(f.errs, "no secret, decoy or text has the id "+id)
		return "", ""
	}
	f.used[id] = true
	text = f.write(v, chain)
	spec, secret := f.specs[id]
	if !secret {
		f.decoys[id] = append(f.decoys[id], l.path)
		return text, text
	}
	row := Row{
		Secret: id, Path: l.path, Place: l.place, Key: l.key, ContextOnly: spec.ContextOnly,
		Difficulty: difficulty(spec, l, all), raw: text, needle: v,
	}
	row.Form, row.plainF = formName(all)
	for _, form := range chain {
		if needle, ok := broken(baseForm(form), f.write(v, []string{form})); ok {
			row.needle, row.plainF = needle, false
		}
	}
	f.rows = append(f.rows, row)
	if len(chain) > 0 && chain[0] == "number" {
		return text, f.write(`"`+maskOf(id)+`"`, chain[1:])
	}
	return text, maskOf(id)
}

func (f *filler) write(s string, chain []string) string {
	for _, form := range chain {
		out, err := apply(f.r, form, s)
		if err != nil {
			f.errs = append(f.errs, err.Error())
		}
		s = out
	}
	return s
}

// maskOf is the ideal masker's mask.
func maskOf(id string) string {
	h := fnv.New32a()
	h.Write([]byte(id))
	return fmt.Sprintf("[MASKED:known:%08x]", h.Sum32())
}

// check finds templates that declare what they do not plant.
func (f *filler) check() error {
	for id := range f.values {
		if !f.used[id] {
			return fmt.Errorf("%s is planted nowhere", id)
		}
	}
	return nil
}
