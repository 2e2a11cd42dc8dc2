// Command peers runs the generators that run.sh installed, in turn and in several rounds, against one server, and prints
// their rates and processor times side by side. A round whose generator failed is an error, and no figure.
package main

import (
	"bufio"
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

//go:embed sign.js
var k6Script []byte

const secret = "whsec_ofTheBenchmark"

// bench is what all generators have in common.
type bench struct {
	dir         string
	url         string
	rounds      int
	requests    int
	connections int
}

// generator is one of the programs.
type generator struct {
	name string
	// sends says what its deliveries are.
	sends string
	run   func(ctx context.Context, b *bench) (figure, error)
}

// figure is what one round gave.
type figure struct {
	// perSecond is requests answered by 2xx per second, cpu the generator's processor time for each.
	perSecond float64
	cpu       time.Duration
}

func main() {
	b := &bench{}
	flag.StringVar(&b.dir, "dir", "", "folder with the programs")
	flag.IntVar(&b.rounds, "rounds", 5, "rounds")
	flag.IntVar(&b.requests, "requests", 200_000, "requests in a round, as far as a generator counts them; the others run for as long as these took")
	flag.IntVar(&b.connections, "connections", 64, "connections")
	flag.Parse()
	if err := b.all(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

func (b *bench) all(ctx context.Context) (err error) {
	server := exec.CommandContext(ctx, filepath.Join(b.dir, "server"))
	input, err := server.StdinPipe()
	if err != nil {
		return err
	}
	output, err := server.StdoutPipe()
	if err != nil {
		return err
	}
	if err := server.Start(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, input.Close(), server.Wait()) }()
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		return fmt.Errorf("the server did not start: %w", err)
	}
	b.url = strings.TrimSpace(line)
	generators := []generator{
		{"kirimcheck", "unique, each signed", kirimcheck},
		{"vegeta", "one body", vegeta},
		{"k6", "each signed", k6},
		{"wrk", "one body", wrk},
	}
	generators = slices.DeleteFunc(generators, func(g generator) bool {
		_, err := b.program(g.name)
		return err != nil
	})
	if err := b.files(); err != nil {
		return err
	}
	figures := map[string][]figure{}
	for round := range b.rounds {
		for _, g := range generators {
			f, err := g.run(ctx, b)
			if err != nil {
				return fmt.Errorf("%s: %w", g.name, err)
			}
			figures[g.name] = append(figures[g.name], f)
			fmt.Fprintf(os.Stderr, "round %d of %d: %s %.0f/s\n", round+1, b.rounds, g.name, f.perSecond)
		}
	}
	return b.table(os.Stdout, generators, figures)
}

func (b *bench) program(name string) (string, error) {
	path := filepath.Join(b.dir, name)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	return exec.LookPath(name)
}

// body is about as long as what Kirim sends for a text message.
var body = `{"object":"whatsapp_business_account","entry":[{"id":"` + strings.Repeat("1", 420) + `"}]}`

// files writes what the generators read.
func (b *bench) files() error {
	lua := "wrk.method = 'POST'\nwrk.headers['Content-Type'] = 'application/json'\nwrk.headers['X-Kirim-Signature'] = 't=1,v1=0'\nwrk.body = '" + body + "'\n"
	return errors.Join(
		os.WriteFile(filepath.Join(b.dir, "body.json"), []byte(body), 0o600),
		os.WriteFile(filepath.Join(b.dir, "post.lua"), []byte(lua), 0o600),
		os.WriteFile(filepath.Join(b.dir, "sign.js"), k6Script, 0o600),
	)
}

// start runs a program to its end and returns its output and the processor time that it took.
func (b *bench) start(ctx context.Context, stdin io.Reader, allowed int, name string, args ...string) (string, time.Duration, error) {
	path, err := b.program(name)
	if err != nil {
		return "", 0, err
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir, cmd.Stdin = b.dir, stdin
	cmd.Env = append(os.Environ(), "KIRIM_SECRET="+secret, "TARGET="+b.url, "K6_NO_USAGE_REPORT=true")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == allowed {
		err = nil
	}
	if err != nil {
		return "", 0, fmt.Errorf("%w: %s", err, stderr.String())
	}
	return string(out), cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), nil
}

// kirimcheck is given all starts at once: a million a second is more than there can be, so that the run is as fast as the
// generator. It calls such a run invalid (exit code 6), which it is for judging a target.
func kirimcheck(ctx context.Context, b *bench) (figure, error) {
	out := filepath.Join(b.dir, "report")
	_, cpu, err := b.start(ctx, nil, 6, "kirimcheck", "load", "run", "--url", b.url, "--secret-env", "KIRIM_SECRET", "--preset", "none",
		"--rate", "1000000/s", "--duration", time.Duration(b.requests*1000).String(), "--timeout", "10m",
		"--connections", strconv.Itoa(b.connections), "--out", out, "--plain")
	if err != nil {
		return figure{}, err
	}
	data, err := os.ReadFile(filepath.Join(out, "load.json"))
	if err != nil {
		return figure{}, err
	}
	var report struct {
		Result struct {
			Achieved float64 `json:"achieved_per_s"`
			Counts   struct{ Planned, Succeeded int }
		}
	}
	if err := json.Unmarshal(data, &report); err != nil {
		return figure{}, err
	}
	n := report.Result.Counts
	if n.Succeeded != b.requests || n.Planned != b.requests {
		return figure{}, fmt.Errorf("%d of %d deliveries were answered by 2xx", n.Succeeded, b.requests)
	}
	return figure{report.Result.Achieved, cpu / time.Duration(n.Succeeded)}, nil
}

// seconds is how long the generators run that count time and no requests.
const seconds = 5

func vegeta(ctx context.Context, b *bench) (figure, error) {
	target := fmt.Sprintf("POST %s\nContent-Type: application/json\nX-Kirim-Signature: t=1,v1=0\n@body.json\n", b.url)
	workers := strconv.Itoa(b.connections)
	out, cpu, err := b.start(ctx, strings.NewReader(target), 0, "vegeta", "attack", "-rate=0", "-duration="+strconv.Itoa(seconds)+"s",
		"-max-workers="+workers, "-workers="+workers, "-connections="+workers)
	if err != nil {
		return figure{}, err
	}
	text, _, err := b.start(ctx, strings.NewReader(out), 0, "vegeta", "report", "-type=json")
	if err != nil {
		return figure{}, err
	}
	var report struct {
		Requests   int
		Throughput float64
		Success    float64
	}
	if err := json.Unmarshal([]byte(text), &report); err != nil {
		return figure{}, err
	}
	if report.Success != 1 {
		return figure{}, fmt.Errorf("only %g of the requests succeeded", report.Success)
	}
	return figure{report.Throughput, cpu / time.Duration(report.Requests)}, nil
}

func k6(ctx context.Context, b *bench) (figure, error) {
	_, cpu, err := b.start(ctx, nil, 0, "k6", "run", "--quiet", "--vus", strconv.Itoa(b.connections), "--duration", strconv.Itoa(seconds)+"s",
		"--no-usage-report", "--summary-export", "k6.json", "sign.js")
	if err != nil {
		return figure{}, err
	}
	data, err := os.ReadFile(filepath.Join(b.dir, "k6.json"))
	if err != nil {
		return figure{}, err
	}
	var report struct {
		Metrics struct {
			Requests struct{ Count, Rate float64 } `json:"http_reqs"`
			Failed   struct{ Value float64 }       `json:"http_req_failed"`
		}
	}
	if err := json.Unmarshal(data, &report); err != nil {
		return figure{}, err
	}
	r := report.Metrics
	if r.Requests.Count == 0 || r.Failed.Value != 0 {
		return figure{}, fmt.Errorf("%g requests, of which a share of %g failed", r.Requests.Count, r.Failed.Value)
	}
	return figure{r.Requests.Rate, time.Duration(float64(cpu) / r.Requests.Count)}, nil
}

var (
	wrkRate  = regexp.MustCompile(`Requests/sec:\s+([0-9.]+)`)
	wrkCount = regexp.MustCompile(`(\d+) requests in`)
)

func wrk(ctx context.Context, b *bench) (figure, error) {
	out, cpu, err := b.start(ctx, nil, 0, "wrk", "-t2", "-c"+strconv.Itoa(b.connections), "-d"+strconv.Itoa(seconds)+"s", "-s", "post.lua", b.url)
	if err != nil {
		return figure{}, err
	}
	rate, count := wrkRate.FindStringSubmatch(out), wrkCount.FindStringSubmatch(out)
	if rate == nil || count == nil || strings.Contains(out, "Non-2xx") || strings.Contains(out, "Socket errors") {
		return figure{}, fmt.Errorf("not a clean run:\n%s", out)
	}
	perSecond, err := strconv.ParseFloat(rate[1], 64)
	if err != nil {
		return figure{}, err
	}
	n, err := strconv.Atoi(count[1])
	if err != nil {
		return figure{}, err
	}
	return figure{perSecond, cpu / time.Duration(n)}, nil
}

// table prints the medians, and how kirimcheck stands to each: the median of the ratios within the rounds, with the lowest
// and the highest of them, because what else the machine does changes between rounds and not so much within one.
func (b *bench) table(w io.Writer, generators []generator, figures map[string][]figure) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintf(tw, "%d rounds, %d connections, %d processors\n", b.rounds, b.connections, runtime.NumCPU())
	_, _ = fmt.Fprintln(tw, "generator\tsends\trequests/s\tCPU for each\tkirimcheck against it\tin single rounds")
	own := figures["kirimcheck"]
	for _, g := range generators {
		var rates, cpus, ratios []float64
		for i, f := range figures[g.name] {
			rates, cpus = append(rates, f.perSecond), append(cpus, float64(f.cpu))
			ratios = append(ratios, own[i].perSecond/f.perSecond)
		}
		_, _ = fmt.Fprintf(tw, "%s\t%s\t%.0f\t%s\t%.2f\t%.2f to %.2f\n", g.name, g.sends, median(rates),
			time.Duration(median(cpus)).Round(100*time.Nanosecond), median(ratios), slices.Min(ratios), slices.Max(ratios))
	}
	return tw.Flush()
}

func median[T cmp.Ordered](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
