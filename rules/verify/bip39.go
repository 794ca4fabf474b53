package verify

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // bip39.txt
	"slices"
	"strings"
)

// bip39English is the English word list of BIP-39, one word a line, as published
// (CRC-32 c1dbd296); taken from github.com/tyler-smith/go-bip39 v1.1.0, MIT.
// https://github.com/bitcoin/bips/blob/master/bip-0039/english.txt
//
//go:embed bip39.txt
var bip39English string

var bip39Words = strings.Fields(bip39English)

// bip39Index has the place of each word in the list.
var bip39Index = func() map[string]int {
	m := make(map[string]int, len(bip39Words))
	for i, w := range bip39Words {
		m[w] = i
	}
	return m
}()

const (
	minMnemonic = 12
	maxMnemonic = 24
	maxListed   = 64 // words of a text that are looked at
)

// Mnemonic returns the phrase of BIP-39 for 16 to 32 bytes of entropy, a multiple of four.
func Mnemonic(entropy []byte) string {
	sum := sha256.Sum256(entropy)
	bits := append(append([]byte{}, entropy...), sum[0])
	out := make([]string, len(entropy)*3/4)
	for i := range out {
		out[i] = bip39Words[eleven(bits, i)]
	}
	return strings.Join(out, " ")
}

// eleven returns the 11 bits number i of b.
func eleven(b []byte, i int) (n int) {
	for k := 11 * i; k < 11*i+11; k++ {
		n = n<<1 | int(b[k/8]>>(7-k%8)&1)
	}
	return n
}

// Phrase returns the range of the first seed phrase in text: 12, 15, 18, 21 or 24
// neighbouring words of the list, whatever but letters stands between them. It begins
// and ends where that changes, as at the ends of its line, if possible so that its checksum
// agrees. What agrees elsewhere is taken up to such places on both sides, and if neither
// is there it is all words. to is 0 if there are fewer than 12, or more than 24 in the list's order.
func Phrase(text []byte) (from, to int) {
	from, to, _ = phrase(text)
	return from, to
}

// bip39 finds a seed phrase in a token: Passed if its checksum agrees, Unknown
// if all its words are of the list.
func bip39(token []byte) Result {
	_, to, ok := phrase(token)
	switch {
	case ok:
		return Passed
	case to > 0:
		return Unknown
	}
	return Failed
}

// NextPhrase looks for a seed phrase that begins in text[from:stop] and returns
// its range, or to as 0, and where the next one can begin. It looks at each byte
// once but for those of words of the list.
func NextPhrase(text []byte, from, stop int) (a, b, next int) {
	run, start := 0, 0
	var buf [1]listed
	for at := from; ; {
		words := listWords(buf[:0], text[at:])
		if len(words) == 0 {
			return 0, 0, len(text)
		}
		w := words[0]
		begin := at + w.from
		at += w.to
		switch {
		case w.number < 0:
			if run = 0; at >= stop {
				return 0, 0, at
			}
			continue
		case run == 0 && begin >= stop:
			return 0, 0, begin
		case run == 0:
			start = begin
		}
		if run++; run < minMnemonic {
			continue
		}
		var all [maxListed]listed
		words = listWords(all[:0], text[start:])
		last := words[max(1, len(words)-maxMnemonic)] // those before it have been tried
		a, b = Phrase(text[start : start+words[len(words)-1].to])
		return start + a, start + b, start + last.from
	}
}

// listed is a word of a text: its place, and its number in the list or -1.
type listed struct{ from, to, number int }

func phrase(text []byte) (from, to int, agrees bool) {
	var buf [maxListed]listed
	for words := listWords(buf[:0], text); len(words) >= minMnemonic; {
		n := 0
		for n < len(words) && words[n].number >= 0 {
			n++
		}
		if run := words[:n]; n >= minMnemonic && !(n > maxMnemonic && slices.IsSortedFunc(run, listOrder)) {
			return inRun(text, run)
		}
		words = words[min(n+1, len(words)):]
	}
	return 0, 0, false
}

func listOrder(a, b listed) int { return a.number - b.number }

// inRun is phrase, of neighbouring words of the list.
func inRun(text []byte, run []listed) (from, to int, agrees bool) {
	from, to = run[0].from, run[len(run)-1].to
	some := false
	for _, aligned := range [...]bool{true, false} {
		for i := 0; i+minMnemonic <= len(run); i++ {
			if aligned && !border(text, run, i, i+1) {
				continue
			}
			most := min(maxMnemonic, len(run)-i)
			for n := most - most%3; n >= minMnemonic; n -= 3 {
				end := i + n
				if aligned && !border(text, run, end, end-1) {
					continue
				}
				switch agrees := sumAgrees(run[i:end]); {
				case aligned && (agrees || !some):
					if from, to, some = run[i].from, run[end-1].to, true; agrees {
						return from, to, true
					}
				case agrees:
					for !border(text, run, i, i+1) {
						i--
					}
					for !border(text, run, end, end-1) {
						end++
					}
					return run[i].from, run[end-1].to, true
				}
			}
		}
	}
	return from, to, false
}

// border says that what stands before word i of a run is not what stands before
// word next to it: the words are on two lines, or in two lists. Numbers do not count.
func border(text []byte, run []listed, i, next int) bool {
	if i == 0 || i == len(run) {
		return true
	}
	a, b := text[run[i-1].to:run[i].from], text[run[next-1].to:run[next].from]
	for {
		a, b = bytes.TrimLeft(a, "0123456789"), bytes.TrimLeft(b, "0123456789")
		if len(a) == 0 || len(b) == 0 || a[0] != b[0] {
			return len(a) != len(b) || len(a) > 0
		}
		a, b = a[1:], b[1:]
	}
}

// listWords appends the words of text to dst, as many as it has room for.
func listWords(dst []listed, text []byte) []listed {
	var low [8]byte
	for i := 0; i < len(text) && len(dst) < cap(dst); i++ {
		k := i
		for k < len(text) && lower(text[k])-'a' < 26 {
			k++
		}
		if k == i {
			continue
		}
		if i > 0 && text[i-1] == '\\' && k-i > 3 && (text[i] == 'n' || text[i] == 'r' || text[i] == 't') {
			i++ // \n before a word
		}
		w := listed{i, k, -1}
		if n := copy(low[:], text[i:k]); n == k-i {
			for j := range n {
				low[j] = lower(low[j])
			}
			if at, known := bip39Index[string(low[:n])]; known {
				w.number = at
			}
		}
		dst = append(dst, w)
		i = k
	}
	return dst
}

// sumAgrees says that the last bits of the words are the first of the SHA-256 of the rest.
func sumAgrees(words []listed) bool {
	var bits [33]byte
	acc, have, at := 0, 0, 0
	for _, w := range words {
		acc = acc<<11 | w.number
		for have += 11; have >= 8; at++ {
			have -= 8
			bits[at] = byte(acc >> have)
		}
		acc &= 1<<have - 1
	}
	if have > 0 {
		bits[at] = byte(acc << (8 - have))
	}
	size := len(words) / 3 * 4 // bytes of entropy
	sum := sha256.Sum256(bits[:size])
	check := len(words) / 3 // bits
	return bits[size]>>(8-check) == sum[0]>>(8-check)
}
