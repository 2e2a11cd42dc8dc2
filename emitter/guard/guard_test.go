package guard_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/kirimcheck/kirimcheck/emitter/guard"
)

// hosts is a resolver with a table; what is not in it cannot be resolved.
type hosts map[string][]string

func (h hosts) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	if network != "ip" {
		return nil, errors.New("asked for network " + network)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var addrs []netip.Addr
	for _, text := range h[host] {
		addrs = append(addrs, netip.MustParseAddr(text))
	}
	if addrs == nil {
		return nil, errors.New("no such host")
	}
	return addrs, nil
}

const public = "93.184.216.34"

var known = hosts{
	"hooks.example.com": {public, "2606:2800:220:1::1"}, "xn--bcher-kva.example": {public}, "a_b.example": {public},
	"mapped.example":   {"::ffff:" + public},
	"inward.example":   {"10.1.2.3"},
	"half.example":     {public, "192.168.1.1"},
	"metadata.example": {"169.254.169.254"}, "six.example": {"fd00::1"},
	"mapped-inward.example": {"::ffff:10.0.0.1"},
	"lo.example":            {"127.0.0.1"}, "localhost": {"127.0.0.1", "::1"}, "app.localhost": {"127.0.0.1"},
	"none.example": {},
}

// rule returns the rule of a refusal, empty for none.
func rule(t *testing.T, err error) guard.Rule {
	t.Helper()
	if err == nil {
		return ""
	}
	var refused *guard.Refused
	if !errors.As(err, &refused) {
		t.Fatalf("%T: %v", err, err)
	}
	if text := err.Error(); text == "" || len(text) > 400 || strings.ContainsAny(text, "\n\r") {
		t.Errorf("not one clear line: %q", text)
	}
	return refused.Rule
}

func TestURLs(t *testing.T) {
	for url, want := range map[string]struct{ strict, dev guard.Rule }{
		"https://hooks.example.com/kirim?x=y":               {},
		"HTTPS://Hooks.Example.COM./":                       {},
		"https://hooks.example.com:8443/":                   {},
		"https://xn--bcher-kva.example/":                    {},
		"https://a_b.example/":                              {},
		"https://mapped.example/":                           {},
		"https://" + public + "/":                           {},
		"https://[2606:2800:220:1::1]:8443/":                {},
		"https://[64:ff9b::5db8:d822]/":                     {},
		"http://hooks.example.com/":                         {guard.Scheme, ""},
		"ftp://hooks.example.com/":                          {guard.Scheme, guard.Scheme},
		"file:///etc/passwd":                                {guard.Scheme, guard.Scheme},
		"gopher://127.0.0.1:6379/_x":                        {guard.Scheme, guard.Scheme},
		"javascript:alert(1)":                               {guard.Scheme, guard.Scheme},
		"":                                                  {guard.NotURL, guard.NotURL},
		"hooks.example.com/kirim":                           {guard.NotURL, guard.NotURL},
		"//hooks.example.com/":                              {guard.NotURL, guard.NotURL},
		"https://hooks.example.com/\nX-A: b":                {guard.NotURL, guard.NotURL},
		"https://hooks.example.com\\@10.0.0.1/":             {guard.NotURL, guard.NotURL},
		" https://hooks.example.com/":                       {guard.NotURL, guard.NotURL},
		"https://":                                          {guard.NoHost, guard.NoHost},
		"https:///path":                                     {guard.NoHost, guard.NoHost},
		"https:hooks.example.com":                           {guard.NoHost, guard.NoHost},
		"https://:443/":                                     {guard.NoHost, guard.NoHost},
		"https://ayu@hooks.example.com/":                    {guard.Userinfo, guard.Userinfo},
		"https://@hooks.example.com/":                       {guard.Userinfo, guard.Userinfo},
		"https://ayu:rahasia@hooks.example.com/":            {guard.Userinfo, guard.Userinfo},
		"https://hooks.example.com@10.0.0.1/":               {guard.Userinfo, guard.Userinfo},
		"https://hooks.example.com/#part":                   {guard.Fragment, guard.Fragment},
		"https://hooks.example.com/#":                       {guard.Fragment, guard.Fragment},
		"https://hooks.example.com:/":                       {guard.Port, guard.Port},
		"https://hooks.example.com:0/":                      {guard.Port, guard.Port},
		"https://hooks.example.com:65536/":                  {guard.Port, guard.Port},
		"https://hooks..example.com/":                       {guard.HostForm, guard.HostForm},
		"https://hooks.example.com../":                      {guard.HostForm, guard.HostForm},
		"https://./":                                        {guard.HostForm, guard.HostForm},
		"https://hooks example.com/":                        {guard.NotURL, guard.NotURL},
		"https://bücher.example/":                           {guard.HostForm, guard.HostForm},
		"https://１２７.０.０.１/":                                {guard.HostForm, guard.HostForm},
		"https://ⓛocalhost/":                                {guard.HostForm, guard.HostForm},
		"https://127。0。0。1/":                                {guard.HostForm, guard.HostForm},
		"https://%31%32%37.0.0.1/":                          {guard.NotURL, guard.NotURL},
		"https://" + strings.Repeat("a", 64) + ".example/":  {guard.HostForm, guard.HostForm},
		"https://" + strings.Repeat("a.", 127) + "example/": {guard.HostForm, guard.HostForm},

		"https://none.example/":          {guard.Unresolvable, guard.Unresolvable},
		"https://nowhere.example/":       {guard.Unresolvable, guard.Unresolvable},
		"https://inward.example/":        {guard.Private, guard.Private},
		"https://half.example/":          {guard.Private, guard.Private},
		"https://six.example/":           {guard.Private, guard.Private},
		"https://mapped-inward.example/": {guard.Private, guard.Private},
		"https://metadata.example/":      {guard.LinkLocal, guard.LinkLocal},
		"https://lo.example/":            {guard.Loopback, ""},
		"https://localhost/":             {guard.Loopback, ""},
		"https://LOCALHOST./":            {guard.Loopback, ""},
		"https://app.localhost/":         {guard.Loopback, ""},
		"https://other.localhost/":       {guard.Loopback, guard.Unresolvable},
		"http://localhost:9000/":         {guard.Scheme, ""},
		"http://127.0.0.1:9000/":         {guard.Scheme, ""},
		"http://[::1]:9000/":             {guard.Scheme, ""},

		"https://127.0.0.1/":               {guard.Loopback, ""},
		"https://127.8.9.10/":              {guard.Loopback, ""},
		"https://127.0.0.1./":              {guard.Loopback, guard.Loopback},
		"https://127.1/":                   {guard.Loopback, guard.Loopback},
		"https://127.0.1/":                 {guard.Loopback, guard.Loopback},
		"https://2130706433/":              {guard.Loopback, guard.Loopback},
		"https://017700000001/":            {guard.Loopback, guard.Loopback},
		"https://0177.0.0.1/":              {guard.Loopback, guard.Loopback},
		"https://0x7f.1/":                  {guard.Loopback, guard.Loopback},
		"https://0x7f000001/":              {guard.Loopback, guard.Loopback},
		"https://0X7F.0.0.0X1/":            {guard.Loopback, guard.Loopback},
		"https://127.0.0.0x1/":             {guard.Loopback, guard.Loopback},
		"https://0/":                       {guard.Unspecified, guard.Unspecified},
		"https://0x/":                      {guard.Unspecified, guard.Unspecified},
		"https://0.0.0.0/":                 {guard.Unspecified, guard.Unspecified},
		"https://0.1.2.3/":                 {guard.Unspecified, guard.Unspecified},
		"https://10.0.0.1/":                {guard.Private, guard.Private},
		"https://10.1/":                    {guard.Private, guard.Private},
		"https://012.0.0.1/":               {guard.Private, guard.Private},
		"https://172.16.0.1/":              {guard.Private, guard.Private},
		"https://192.168.0.1/":             {guard.Private, guard.Private},
		"https://169.254.169.254/latest/":  {guard.LinkLocal, guard.LinkLocal},
		"https://2852039166/":              {guard.LinkLocal, guard.LinkLocal},
		"https://0xa9fea9fe/":              {guard.LinkLocal, guard.LinkLocal},
		"https://100.64.0.1/":              {guard.Shared, guard.Shared},
		"https://100.100.100.200/":         {guard.Shared, guard.Shared},
		"https://168.63.129.16/":           {guard.CloudHost, guard.CloudHost},
		"https://134744072/":               {guard.NumericForm, guard.NumericForm},
		"https://8.8.2056/":                {guard.NumericForm, guard.NumericForm},
		"https://8.8.8.8./":                {guard.NumericForm, guard.NumericForm},
		"https://1.2.3.4.5/":               {guard.NumericForm, guard.NumericForm},
		"https://256.0.0.1/":               {guard.NumericForm, guard.NumericForm},
		"https://4294967296/":              {guard.NumericForm, guard.NumericForm},
		"https://99999999999999999999999/": {guard.NumericForm, guard.NumericForm},
		"https://1.2.3.08/":                {guard.NumericForm, guard.NumericForm},
		"https://hooks.example.1/":         {guard.NumericForm, guard.NumericForm},
		"https://hooks.example.0x1f/":      {guard.NumericForm, guard.NumericForm},

		"https://[::1]/":                                  {guard.Loopback, ""},
		"https://[0:0:0:0:0:0:0:1]/":                      {guard.Loopback, ""},
		"https://[::]/":                                   {guard.Unspecified, guard.Unspecified},
		"https://[::ffff:127.0.0.1]/":                     {guard.Embedded, guard.Embedded},
		"https://[::ffff:7f00:1]/":                        {guard.Embedded, guard.Embedded},
		"https://[::ffff:" + public + "]/":                {guard.Embedded, guard.Embedded},
		"https://[::127.0.0.1]/":                          {guard.Embedded, guard.Embedded},
		"https://[64:ff9b::7f00:1]/":                      {guard.Loopback, guard.Loopback},
		"https://[64:ff9b::10.0.0.1]/":                    {guard.Private, guard.Private},
		"https://[64:ff9b::a9fe:a9fe]/":                   {guard.LinkLocal, guard.LinkLocal},
		"https://[64:ff9b:1::a00:1]/":                     {guard.Embedded, guard.Embedded},
		"https://[2002:a00:1::1]/":                        {guard.Embedded, guard.Embedded},
		"https://[2001:0:4136:e378:8000:63bf:f5ff:fffe]/": {guard.Embedded, guard.Embedded},
		"https://[fd00:ec2::254]/":                        {guard.Private, guard.Private},
		"https://[fe80::1]/":                              {guard.LinkLocal, guard.LinkLocal},
		"https://[fe80::1%25eth0]/":                       {guard.Zone, guard.Zone},
		"https://[2606:2800:220:1::1%25eth0]/":            {guard.Zone, guard.Zone},
		"https://[fec0::1]/":                              {guard.Private, guard.Private},
		"https://[ff02::1]/":                              {guard.Multicast, guard.Multicast},
		"https://[2001:db8::1]/":                          {guard.Documentation, guard.Documentation},
		"https://[1:2:3]/":                                {guard.NotURL, guard.NotURL},
		"https://[127.0.0.1]/":                            {guard.NotURL, guard.NotURL},
		"https://::1/":                                    {guard.NotURL, guard.NotURL},
		"https://[v1.x]/":                                 {guard.NotURL, guard.NotURL},
	} {
		t.Run(url, func(t *testing.T) {
			strict, dev := guard.Policy{Resolver: known}, guard.Policy{Resolver: known, Dev: true}
			if got := rule(t, strict.CheckURL(t.Context(), url)); got != want.strict {
				t.Errorf("%q, want %q", got, want.strict)
			}
			if got := rule(t, dev.CheckURL(t.Context(), url)); got != want.dev {
				t.Errorf("in development %q, want %q", got, want.dev)
			}
		})
	}
}

func TestRefusalsNeverRepeatCredentials(t *testing.T) {
	for _, url := range []string{
		"https://ayu:rahasia@hooks.example.com/", "https://ayu:rahasia@hooks.example.com:port/", "ftp://ayu:rahasia@x/",
		"https://ayu:rahasia@%zz/", "ayu:rahasia@hooks",
	} {
		err := (&guard.Policy{Resolver: known}).CheckURL(t.Context(), url)
		if err == nil || strings.Contains(err.Error(), "rahasia") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestALookupThatIsCalledOffIsNoRefusal(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("the caller is gone")
	cancel(gone)
	err := (&guard.Policy{Resolver: known}).CheckURL(ctx, "https://hooks.example.com/")
	if !errors.Is(err, gone) {
		t.Errorf("%v", err)
	}
}

func TestTheZeroPolicyAsksTheSystem(t *testing.T) {
	// .invalid never resolves (RFC 6761, section 6.4).
	if got := rule(t, new(guard.Policy).CheckURL(t.Context(), "https://kirimcheck.invalid/")); got != guard.Unresolvable {
		t.Error(got)
	}
}
