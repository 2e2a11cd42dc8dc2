package target

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"time"
)

// maxHookOutput bounds what an error repeats of a command's output.
const maxHookOutput = 300

func (h Hook) check() error {
	switch {
	case len(h.Command) > 0 && h.HTTP != nil:
		return errors.New("both command and http are set; keep one")
	case len(h.Command) == 0 && h.HTTP == nil:
		return errors.New("write command: [program, argument] or http: {method: POST, url: URL}")
	case h.Timeout < 0:
		return fmt.Errorf("timeout: %s is negative; write a duration such as 10s", h.Timeout)
	case h.HTTP != nil:
		if _, err := parseHTTPURL(h.HTTP.URL); err != nil {
			return fmt.Errorf("http.url: %w", err)
		}
		for name, value := range h.HTTP.Header {
			if _, err := value.read(); err != nil {
				return fmt.Errorf("http.header.%s: %w", name, err)
			}
		}
	}
	return nil
}

// Run carries the hook out. name is the hook's name for errors, dir the folder for a command.
func (t *Target) Run(ctx context.Context, name string, h Hook) error {
	timeout := orDefault(h.Timeout, hookTimeout)
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("it did not end within %s; its key timeout allows more", timeout))
	defer cancel()
	var err error
	if h.HTTP != nil {
		err = t.callHook(ctx, *h.HTTP)
	} else {
		err = runCommand(ctx, t.dir, h.Command)
	}
	if err != nil {
		return fmt.Errorf("hook %s: %w", name, err)
	}
	return nil
}

// callHook makes an HTTP hook's call, by the TLS section of the target.
func (t *Target) callHook(ctx context.Context, c Call) error {
	client, err := t.Client(0)
	if err != nil {
		return err
	}
	// The context bounds the call; the client adds no limit of its own.
	plain := client.HTTP(0)
	defer plain.CloseIdleConnections()
	return c.do(ctx, plain)
}

func (c Call) do(ctx context.Context, client *http.Client) (err error) {
	method := c.Method
	if method == "" {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(ctx, method, c.URL, nil)
	if err != nil {
		return unwrapURL(err)
	}
	for name, value := range c.Header {
		text, err := value.read()
		if err != nil {
			return fmt.Errorf("header %s: %w", name, err)
		}
		req.Header.Set(name, text)
	}
	resp, err := client.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return unwrapURL(err)
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		// The query and the user of a URL may hold a token.
		return fmt.Errorf("%s %s%s answered %d; a 2xx is expected", method, req.URL.Host, req.URL.EscapedPath(), resp.StatusCode)
	}
	_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, maxObserverAnswer))
	return err
}

// outputWait is how long the output of a command may stay open after its end: that of a process it has started does.
const outputWait = time.Second

func runCommand(ctx context.Context, dir string, argv []string) error {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = dir
	out := &tail{limit: maxHookOutput}
	cmd.Stdout, cmd.Stderr = out, out
	cmd.WaitDelay = outputWait
	if err := cmd.Run(); err != nil {
		switch {
		case ctx.Err() != nil:
			err = context.Cause(ctx)
		case errors.Is(err, exec.ErrWaitDelay):
			err = errors.New("it ended, and a process that it started has kept its output; send that one's output to a file")
		}
		if text := strings.Join(strings.Fields(out.buf.String()), " "); text != "" {
			return fmt.Errorf("%s: %w; it printed: %s", argv[0], err, text)
		}
		return fmt.Errorf("%s: %w", argv[0], err)
	}
	return nil
}

// tail keeps the last bytes written, so that a talkative command cannot fill the memory.
type tail struct {
	buf   bytes.Buffer
	limit int
}

func (t *tail) Write(p []byte) (int, error) {
	t.buf.Write(p)
	if extra := t.buf.Len() - t.limit; extra > 0 {
		t.buf.Next(extra)
	}
	return len(p), nil
}
