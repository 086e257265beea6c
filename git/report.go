package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// send asks the remote to move ref from old to what was built and hands it the objects.
func send(ctx context.Context, adv *advertisement, ref string, old Hash, b *built) error {
	p, err := b.pack()
	if err != nil {
		return err
	}
	caps := []string{"agent=" + userAgent}
	for _, c := range []string{"report-status", "side-band-64k"} {
		if adv.can(c) {
			caps = append(caps, c)
		}
	}
	var req bytes.Buffer
	writeLine(&req, "%s %s %s\x00%s\n", old.wire(), b.commit.wire(), ref, strings.Join(caps, " "))
	writeFlush(&req)
	data, _ := p.encode()
	req.Write(data)
	body, err := adv.ask(ctx, req.Bytes())
	if err != nil {
		return err
	}
	defer discard(body)
	if !adv.can("report-status") {
		return errors.New("the server does not report what came of a push")
	}
	said := &words{}
	var answer io.Reader = body
	if adv.can("side-band-64k") {
		answer = &sideband{r: body, words: said}
	}
	if err := readReport(answer, ref); err != nil {
		if text := said.String(); text != "" {
			err = fmt.Errorf("%w (%s)", err, text)
		}
		return err
	}
	return nil
}

// readReport reads a report-status. Anything but a report is an error of no class:
// it is not known then what came of the push.
func readReport(r io.Reader, ref string) error {
	var buf []byte
	line, err := readLine(r, &buf)
	if err != nil {
		return fmt.Errorf("read report: %w", noEOF(err))
	}
	if status := strings.TrimSpace(string(line)); status != "unpack ok" {
		return fmt.Errorf("%w: %s", ErrRejected, clean(status))
	}
	for {
		line, err := readLine(r, &buf)
		if err != nil {
			return fmt.Errorf("read report: it does not mention %s: %w", ref, noEOF(err))
		}
		fields := strings.SplitN(strings.TrimSpace(string(line)), " ", 3)
		if len(fields) < 2 || fields[1] != ref {
			continue
		}
		if fields[0] == "ok" {
			return nil
		}
		reason := "no reason given"
		if len(fields) == 3 {
			reason = clean(fields[2])
		}
		err = fmt.Errorf("%w: %s", ErrRejected, reason)
		if strings.Contains(reason, "lock") && !strings.Contains(reason, "block") || strings.Contains(reason, "failed to update ref") {
			err = fmt.Errorf("%w: %w", errBusy, err)
		}
		return err
	}
}
