package verify

import (
	"bytes"
	"hash/crc32"
	"math/rand/v2"
	"strings"
	"testing"
)

// entropyOf makes n bytes.
func entropyOf(n int, seed uint64) []byte {
	rng := rand.New(rand.NewPCG(seed, 39))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

func TestWordListIsTheStandards(t *testing.T) {
	if crc32.ChecksumIEEE([]byte(bip39English)) != 0xc1dbd296 || len(bip39Words) != 2048 {
		t.Error("the list is not that of BIP-39")
	}
}

// TestMnemonicOfZeros is a test vector of the standard: eleven times the first word, then "about".
func TestMnemonicOfZeros(t *testing.T) {
	if Mnemonic(make([]byte, 16)) != strings.Repeat(bip39Words[0]+" ", 11)+"about" {
		t.Error("the phrase of 16 zeros is wrong")
	}
}

func TestPhrase(t *testing.T) {
	for seed := range uint64(20) {
		for _, n := range []int{16, 20, 24, 28, 32} {
			plain := Mnemonic(entropyOf(n, seed))
			for name, sep := range map[string]string{"spaces": " ", "lines": "\n", "commas": ", ", "escaped lines": `\n`, "numbers": " 3. "} {
				whole := strings.ReplaceAll(plain, " ", sep)
				text := "the words are: " + whole + ". of it no more"
				from, to := Phrase([]byte(text))
				if text[from:to] != whole || bip39([]byte(text)) != Passed || bip39([]byte(strings.ToUpper("words: "+plain))) != Passed {
					t.Errorf("%d bytes, seed %d, %s: phrase at [%d, %d), want [%d, %d)", n, seed, name, from, to, 15, 15+len(whole))
				}
			}
		}
	}
}

// TestPhrasesInARow: of lines of phrases each is found by itself; of phrases with
// nothing to tell them apart all words are taken.
func TestPhrasesInARow(t *testing.T) {
	for seed := range uint64(20) {
		first, second := Mnemonic(entropyOf(16, seed)), Mnemonic(entropyOf(32, seed))
		lines := "words: 1. " + first + "\n2. " + second + "\n"
		at := strings.Index(lines, second)
		for from, want := range map[int]string{0: first, at: second} {
			if a, b, _ := NextPhrase([]byte(lines), from, len(lines)); lines[a:b] != want {
				t.Errorf("seed %d: from %d the phrase is at [%d, %d)", seed, from, a, b)
			}
		}
		row := first + " " + second
		if a, b := Phrase([]byte(row)); row[a:b] != row && row[a:b] != first {
			t.Errorf("seed %d: the phrases in a row are at [%d, %d), want [0, %d)", seed, a, b, len(row))
		}
	}
}

// TestTheListItself: an excerpt of the list is no phrase.
func TestTheListItself(t *testing.T) {
	if a, b := Phrase([]byte(strings.Join(bip39Words[500:560], "\n"))); b != 0 {
		t.Errorf("a phrase is at [%d, %d)", a, b)
	}
}

func TestNoPhrase(t *testing.T) {
	phrase := Mnemonic(entropyOf(16, 1))
	words := strings.Fields(phrase)
	swapped := bytes.Join([][]byte{[]byte(strings.Join(words[1:], " ")), []byte(words[0])}, []byte(" "))
	if got := bip39(swapped); got != Unknown {
		t.Errorf("words in another order are %d, want Unknown", got)
	}
	for name, text := range map[string]string{
		"eleven words":   strings.Join(words[:11], " "),
		"another word":   strings.Join(words[:6], " ") + " of " + strings.Join(words[6:], " "),
		"prose":          "this is a list of words that you should keep in a safe place and never show to anyone at all",
		"nothing at all": "",
	} {
		if from, to := Phrase([]byte(text)); to != 0 || bip39([]byte(text)) != Failed {
			t.Errorf("%s: phrase at [%d, %d)", name, from, to)
		}
	}
}
