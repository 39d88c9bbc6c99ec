package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/scalesmall/ssnode/client"
	"github.com/scalesmall/ssnode/wire"
	"github.com/schollz/progressbar/v3"
	"github.com/urfave/cli/v2"
)

// batchLineBytesMax bounds one operation of a batch, in bytes: four bounds of
// the longest keys in hex, with room to spare.
const batchLineBytesMax = 64 << 10

// batchIDBytesMax bounds --id, in bytes: with the number of a line behind it, a
// node takes it.
const batchIDBytesMax = 200

func batchCommand() *cli.Command {
	return &cli.Command{
		Name: "batch", Category: groupWrite, Usage: "carry out many operations, all or nothing",
		ArgsUsage: "FILE|-",
		Description: "Reads one operation a line, as JSON, from FILE or from standard input (-):\n\n" +
			"  {\"op\":\"register\",\"node\":\"n1\",\"from\":\"a\",\"to\":\"m\",\"priority\":10}\n" +
			"  {\"op\":\"release\",\"keyspace\":\"users\",\"node\":\"n2\",\"from\":\"\",\"to\":null}\n\n" +
			"All are carried out in one step, or none. With --chunk N, N at a time: each chunk all or\n" +
			"nothing; when one fails, what was done is said, and how to go on from there. Where no answer\n" +
			"came it may have been done all the same: the command line that is said then has an --id, under\n" +
			"which the same node, unless it was restarted, does nothing twice.",
		Flags: flags(
			&cli.IntFlag{Name: "chunk", Usage: "carry out `N` operations at a time (1 to 10000)"},
			&cli.IntFlag{Name: "from-line", Usage: "begin at line `N` of the file", Value: 1},
			&cli.StringFlag{Name: "id", Usage: "the `ID` of a batch whose answer was lost, to ask again: what the node did under it is not done twice"},
			waitFlags(), addrFlag(), outputFlags()),
		Action: batch,
	}
}

func batch(c *cli.Context) error {
	name, err := oneArgument(c, "the name of a file, or -")
	if err != nil {
		return err
	}
	chunk := c.Int("chunk")
	if c.IsSet("chunk") && (chunk < 1 || chunk > wire.OperationsMax) {
		return usageErrorf("--chunk %d is out of bounds: give a number from 1 to %d", chunk, wire.OperationsMax)
	}
	if err := refuseEmpty(c, "id"); err != nil {
		return err
	}
	if len(c.String("id")) > batchIDBytesMax {
		return usageErrorf("--id has %d bytes, at most %d are allowed: give the one that was said when the answer was lost", len(c.String("id")), batchIDBytesMax)
	}
	if c.Int("from-line") < 1 {
		return usageErrorf("--from-line %d: lines are counted from 1", c.Int("from-line"))
	}
	file, size, err := openInput(c, name)
	if err != nil {
		return err
	}
	defer file.Close()
	b := &batcher{file: name, chunk: chunk, from: c.Int("from-line"), id: orElse(c.String("id"), rand.Text()), again: commandAgain(c)}
	if err := b.prepare(c); err != nil {
		return err
	}
	defer b.node.Close()
	b.writer = b.node.NewWriter(client.WriterOptions{Requests: 1, Write: b.options})
	defer b.writer.Close()
	b.lines = bufio.NewReaderSize(file, 64<<10)
	if chunk > 0 && isTerminal(c.App.ErrWriter) {
		b.bar = newBar(c.App.ErrWriter, name, size)
	}
	return b.run(c.Context)
}

// openInput opens a file to be read, or standard input, and returns its size,
// -1 if that is not known.
func openInput(c *cli.Context, name string) (io.ReadCloser, int64, error) {
	if name == "-" {
		return io.NopCloser(c.App.Reader), -1, nil
	}
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, usageErrorf("read the file: %w; write - for standard input", err)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("read the file: %w; write - for standard input", err)
	}
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, 0, errors.Join(fmt.Errorf("read the file: %w", err), f.Close())
	case info.IsDir():
		return nil, 0, errors.Join(usageErrorf("read the file: %s is a directory: name a file in it, or write - for standard input", name), f.Close())
	case info.Mode().IsRegular():
		return f, info.Size(), nil
	}
	return f, -1, nil
}

// batcher carries out the operations of a file.
type batcher struct {
	file    string
	chunk   int // 0: all at once
	from    int
	lines   *bufio.Reader
	node    *client.Client
	writer  *client.Writer
	out     *output
	options client.WriteOptions
	// id and the first line of a chunk are the id of its operations: a node
	// carries them out once, whoever asks again.
	id string
	// again is the command line that was given, with other values of some
	// flags.
	again func(values map[string]string) string
	bar   *progressbar.ProgressBar // nil: nobody watches

	// numbers are the lines of the operations of the chunk, bytes how much of
	// the file was read.
	numbers []int
	bytes   int64
	// line is the last line that was read, done the last that was carried out.
	line, done int
	// operations and changed count what was carried out; all has the results
	// where they are printed as one document.
	operations, changed int
	all                 wire.Results
}

func (b *batcher) prepare(c *cli.Context) (err error) {
	if b.out, err = outputOf(c); err != nil {
		return err
	}
	if b.options, err = writeOptions(c); err != nil {
		return err
	}
	b.node, err = connect(c)
	b.done = b.from - 1
	return err
}

func (b *batcher) run(ctx context.Context) error {
	for {
		ops, first, err := b.read()
		if err != nil {
			return b.failed(first, err)
		}
		if len(ops) == 0 {
			return b.finish()
		}
		results, err := b.writer.Write(ctx, wire.Batch{Ops: ops, ID: fmt.Sprintf("%s:%d", b.id, first)})
		if err != nil {
			return b.failed(first, b.onLine(err))
		}
		b.done = b.line
		if err := b.took(results); err != nil {
			return err
		}
		if err := incomplete(b.options.Wait, results.OnDisk, results.Missing); err != nil {
			return b.halted(err)
		}
	}
}

// read returns the operations of the next chunk and its first line.
func (b *batcher) read() (ops []wire.Operation, first int, err error) {
	b.numbers = b.numbers[:0]
	most := b.chunk
	if most == 0 {
		most = wire.OperationsMax + 1
	}
	for len(ops) < most {
		text, err := b.readLine()
		if errors.Is(err, io.EOF) {
			b.line-- // there was none
			break
		}
		if err != nil {
			return nil, first, err
		}
		if b.line < b.from || len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		if first == 0 {
			first = b.line
		}
		var o wire.Operation
		if err := wire.Unmarshal(text, &o); err != nil {
			return nil, first, usageErrorf("line %d: %w", b.line, err)
		}
		ops, b.numbers = append(ops, o), append(b.numbers, b.line)
	}
	if len(ops) > wire.OperationsMax {
		return nil, first, usageErrorf("%s has more than %d operations, which is the most for one step: use --chunk %d to carry them out a part at a time", b.file, wire.OperationsMax, wire.OperationsMax/10)
	}
	return ops, first, nil
}

func (b *batcher) readLine() ([]byte, error) {
	var line []byte
	b.line++
	for {
		part, err := b.lines.ReadSlice('\n')
		line, b.bytes = append(line, part...), b.bytes+int64(len(part))
		switch {
		case len(line) > batchLineBytesMax:
			return nil, usageErrorf("line %d: it has more than %d bytes, which no operation needs", b.line, batchLineBytesMax)
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && len(line) > 0:
			return line, nil
		case err == nil || errors.Is(err, io.EOF):
			return line, err
		default:
			return nil, fmt.Errorf("read line %d of %s: %w", b.line, b.file, err)
		}
	}
}

// took keeps the results of a chunk, or prints them at once where they are
// printed row by row.
func (b *batcher) took(r wire.Results) error {
	b.all.Token, b.all.OnDisk, b.all.Missing = r.Token, r.OnDisk, r.Missing
	b.operations += len(r.Results)
	b.showProgress()
	for _, x := range r.Results {
		if x.Changed {
			b.changed++
		}
	}
	if b.out.format == formatNDJSON && !b.out.quiet {
		for _, row := range r.Results {
			if err := b.out.json(row); err != nil {
				return err
			}
		}
		return nil
	}
	if b.out.format == formatJSON {
		b.all.Results = append(b.all.Results, r.Results...)
	}
	return nil
}

// finish prints what was done, which must be something.
func (b *batcher) finish() error {
	if b.operations == 0 {
		return b.out.failed(usageErrorf("%s has no operation from line %d on: write one a line, see ssnode batch --help", b.file, b.from))
	}
	return b.print()
}

// print prints what was carried out.
func (b *batcher) print() error {
	return b.out.print(listing{
		document: b.all,
		table: func(o *output) error {
			if err := printf(o.w, "%s carried out, %d of them changed something\n", plural(b.operations, "operation"), b.changed); err != nil {
				return err
			}
			if !b.options.Wait.IsZero() {
				if err := o.waited(b.all.OnDisk, b.all.Missing); err != nil {
					return err
				}
			}
			return printf(o.w, "token %s\n", b.all.Token)
		},
	})
}
