// Sumdb judges a log by golang.org/x/mod/sumdb, the note and tree code of Go's checksum database.
//
//	sumdb -vkey FILE [-old FILE]... [-stride N] BASE
//	sumdb -vkey FILE -proof FILE -entry FILE
//
// The second form checks one entry by its c2sp.org/tlog-proof. BASE is an http URL or a folder, with checkpoint and tile/ below it. It opens the checkpoint,
// proves by hashes from the tiles that entries are in the tree and that the tree only adds to
// smaller ones, and checks the proofs. It prints one line and exits with 0 where all holds.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	height   = 8 // tlog-tiles fixes it
	width    = 1 << height
	timeout  = 10 * time.Second
	maxBytes = 32 << 20 // of one file: 256 entries of 64 kB are 16 MB
)

type files []string

func (f *files) String() string         { return strings.Join(*f, " ") }
func (f *files) Set(value string) error { *f = append(*f, value); return nil }

func main() {
	var old files
	vkey := flag.String("vkey", "", "file with the log's key")
	stride := flag.Int64("stride", 1, "prove every n-th entry, and the last ones of all tiles")
	proof := flag.String("proof", "", "file with a tlog-proof, of -entry")
	entry := flag.String("entry", "", "file with the entry that -proof is about")
	flag.Var(&old, "old", "file with an older checkpoint; may be given again")
	flag.Parse()
	single := *proof != "" && *entry != "" && flag.NArg() == 0
	if *vkey == "" || (flag.NArg() != 1 && !single) || *stride < 1 {
		flag.Usage()
		os.Exit(2)
	}
	var line string
	var err error
	if single {
		line, err = judgeEntry(*vkey, *proof, *entry)
	} else {
		line, err = judge(source(strings.TrimSuffix(flag.Arg(0), "/")), *vkey, old, *stride)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "refused:", err)
		os.Exit(1)
	}
	fmt.Println(line)
}

// judgeEntry checks that an entry is where its tlog-proof says it is, under a signed checkpoint.
func judgeEntry(vkey, proof, entry string) (string, error) {
	text, err := os.ReadFile(vkey)
	if err != nil {
		return "", err
	}
	verifier, err := note.NewVerifier(strings.TrimSpace(string(text)))
	if err != nil {
		return "", err
	}
	file, err := os.ReadFile(proof)
	if err != nil {
		return "", err
	}
	data, err := os.ReadFile(entry)
	if err != nil {
		return "", err
	}
	head, signed, found := bytes.Cut(file, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	if !found || len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return "", errors.New("not a tlog-proof")
	}
	number, found := strings.CutPrefix(lines[1], "index ")
	index, err := strconv.ParseInt(number, 10, 64)
	if !found || err != nil || strconv.FormatInt(index, 10) != number {
		return "", fmt.Errorf("index %q is no decimal number", lines[1])
	}
	var hashes tlog.RecordProof
	for _, line := range lines[2:] {
		hash, err := base64.StdEncoding.Strict().DecodeString(line)
		if err != nil || len(hash) != tlog.HashSize {
			return "", fmt.Errorf("%q is no hash", line)
		}
		hashes = append(hashes, tlog.Hash(hash))
	}
	tree, err := open(signed, verifier)
	if err != nil {
		return "", err
	}
	if err := tlog.CheckRecord(hashes, tree.N, tree.Hash, index, tlog.RecordHash(data)); err != nil {
		return "", err
	}
	return fmt.Sprintf("verified: entry %d of %d", index, tree.N), nil
}

func judge(log source, vkey string, old []string, stride int64) (string, error) {
	text, err := os.ReadFile(vkey)
	if err != nil {
		return "", err
	}
	verifier, err := note.NewVerifier(strings.TrimSpace(string(text)))
	if err != nil {
		return "", err
	}
	signed, err := log.read("checkpoint")
	if err != nil {
		return "", err
	}
	tree, err := open(signed, verifier)
	if err != nil {
		return "", err
	}
	tiles := &tileReader{log: log, kept: map[string][]byte{}}
	hashes := tlog.TileHashReader(tree, tiles)
	if tree.N > 0 {
		// Every hash that is read from now on is one that this root stands over.
		root, err := tlog.TreeHash(tree.N, hashes)
		if err != nil {
			return "", err
		}
		if root != tree.Hash {
			return "", fmt.Errorf("tiles have root %v, the checkpoint %v", root, tree.Hash)
		}
	}
	entries, err := proveEntries(tree, hashes, tiles, stride)
	if err != nil {
		return "", err
	}
	trees, err := proveGrowth(tree, hashes, verifier, old)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("verified: size %d, root %v, %d entries, %d older trees",
		tree.N, tree.Hash, entries, trees), nil
}

// open returns the tree of a checkpoint that the log's own key signed.
func open(signed []byte, verifier note.Verifier) (tlog.Tree, error) {
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[3] != "" {
		return tlog.Tree{}, errors.New("a checkpoint has three lines")
	}
	if lines[0] != verifier.Name() {
		return tlog.Tree{}, fmt.Errorf("origin %q is not the key's name", lines[0])
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return tlog.Tree{}, fmt.Errorf("size %q is no decimal number", lines[1])
	}
	root, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		return tlog.Tree{}, fmt.Errorf("root %q is no hash", lines[2])
	}
	return tlog.Tree{N: size, Hash: tlog.Hash(root)}, nil
}

// proveEntries checks that entries, as bundles hold them, are in the tree where they should be.
func proveEntries(tree tlog.Tree, hashes tlog.HashReader, tiles *tileReader, stride int64) (int, error) {
	proven := 0
	for first := int64(0); first < tree.N; first += width {
		count := min(tree.N-first, width)
		bundle, err := tiles.bundle(first/width, int(count))
		if err != nil {
			return 0, err
		}
		for place, entry := range bundle {
			index := first + int64(place)
			if index%stride != 0 && int64(place) != count-1 {
				continue
			}
			proof, err := tlog.ProveRecord(tree.N, index, hashes)
			if err != nil {
				return 0, fmt.Errorf("entry %d: %w", index, err)
			}
			if err := tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(entry)); err != nil {
				return 0, fmt.Errorf("entry %d: %w", index, err)
			}
			proven++
		}
	}
	return proven, nil
}

// proveGrowth checks that the tree only adds to smaller ones: to those of older checkpoints, and
// to those around the edges of tiles, whose roots its own tiles give.
func proveGrowth(tree tlog.Tree, hashes tlog.HashReader, verifier note.Verifier, old []string) (int, error) {
	var older []tlog.Tree
	for _, file := range old {
		signed, err := os.ReadFile(file)
		if err != nil {
			return 0, err
		}
		opened, err := open(signed, verifier)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", file, err)
		}
		older = append(older, opened)
	}
	for _, size := range []int64{1, 2, 255, 256, 257, 511, 512, 65535, 65536, 65537, tree.N - 1, tree.N} {
		if size < 1 || size > tree.N {
			continue
		}
		root, err := tlog.TreeHash(size, hashes)
		if err != nil {
			return 0, fmt.Errorf("tree of size %d: %w", size, err)
		}
		older = append(older, tlog.Tree{N: size, Hash: root})
	}
	for _, small := range older {
		proof, err := tlog.ProveTree(tree.N, small.N, hashes)
		if err != nil {
			return 0, fmt.Errorf("tree of size %d: %w", small.N, err)
		}
		if err := tlog.CheckTree(proof, tree.N, tree.Hash, small.N, small.Hash); err != nil {
			return 0, fmt.Errorf("tree of size %d: %w", small.N, err)
		}
	}
	return len(older), nil
}

// tileReader reads a log's tiles under the paths of tlog-tiles, each once.
type tileReader struct {
	log  source
	kept map[string][]byte
}

func (r *tileReader) Height() int                     { return height }
func (r *tileReader) SaveTiles([]tlog.Tile, [][]byte) {}

func (r *tileReader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	read := make([][]byte, 0, len(tiles))
	for _, tile := range tiles {
		data, err := r.file(tile)
		if err != nil {
			return nil, err
		}
		if len(data) != tile.W*tlog.HashSize {
			return nil, fmt.Errorf("%s has %d bytes", tile.Path(), len(data))
		}
		read = append(read, data)
	}
	return read, nil
}

// bundle returns the entries of a tile of level 0; they fill it to its last byte.
func (r *tileReader) bundle(index int64, count int) ([][]byte, error) {
	data, err := r.file(tlog.Tile{H: height, L: -1, N: index, W: count})
	if err != nil {
		return nil, err
	}
	entries := make([][]byte, 0, count)
	rest := bytes.NewBuffer(data)
	for rest.Len() > 0 {
		var length uint16
		if err := binary.Read(rest, binary.BigEndian, &length); err != nil || rest.Len() < int(length) {
			return nil, fmt.Errorf("bundle %d is cut", index)
		}
		entries = append(entries, rest.Next(int(length)))
	}
	if len(entries) != count {
		return nil, fmt.Errorf("bundle %d has %d entries, not %d", index, len(entries), count)
	}
	return entries, nil
}

func (r *tileReader) file(tile tlog.Tile) ([]byte, error) {
	// sumdb writes tile/<height>/<level|data>/…, tlog-tiles tile/<level|entries>/…
	path := strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/", height), "tile/", 1)
	path = strings.Replace(path, "tile/data/", "tile/entries/", 1)
	if data, ok := r.kept[path]; ok {
		return data, nil
	}
	data, err := r.log.read(path)
	if err == nil {
		r.kept[path] = data
	}
	return data, err
}

// source is an http URL or a folder.
type source string

var client = http.Client{Timeout: timeout}

func (s source) read(path string) ([]byte, error) {
	if !strings.HasPrefix(string(s), "http://") {
		return os.ReadFile(filepath.Join(string(s), filepath.FromSlash(path)))
	}
	response, err := client.Get(string(s) + "/" + path)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", path, response.Status)
	}
	return io.ReadAll(io.LimitReader(response.Body, maxBytes))
}
