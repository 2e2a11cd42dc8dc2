package suites

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/kirimcheck/kirimcheck/target"
	"github.com/kirimcheck/kirimcheck/target/subscriber"
)

// inward is a way to write the host of a URL that leads into the relay's own network.
type inward struct {
	host string
	// loopback hosts may be open to a relay that is run for development.
	loopback bool
}

// inwardHosts are the hosts that a requirement is about, by its id without relay.ssrf. and the variant of the spec.
var inwardHosts = []struct {
	id, variant string
	hosts       []inward
}{
	{"loopback", "", []inward{{"127.0.0.1", true}, {"127.0.0.2", true}, {"127.255.255.254", true}, {"0.0.0.0", true}}},
	{"private", "", []inward{
		{"10.0.0.1", false}, {"10.255.255.254", false}, {"172.16.0.1", false}, {"172.31.255.254", false}, {"192.168.0.1", false},
	}},
	{"link-local", "", []inward{{"169.254.0.1", false}, {"169.254.170.2", false}, {"169.254.169.254", false}}},
	{"ipv6", "", []inward{
		{"[::1]", true}, {"[0:0:0:0:0:0:0:1]", true}, {"[::]", true}, {"[fc00::1]", false}, {"[fd00:ec2::254]", false},
		{"[fe80::1]", false}, {"[fe80::1%25eth0]", false},
	}},
	{"ipv6-embedded", "", []inward{
		{"[::ffff:127.0.0.1]", true}, {"[::ffff:7f00:1]", true}, {"[::127.0.0.1]", true}, {"[64:ff9b::7f00:1]", true},
		{"[2002:7f00:1::]", true}, {"[::ffff:10.0.0.1]", false}, {"[64:ff9b::a9fe:a9fe]", false},
	}},
	{"notations", "decimal", []inward{
		{"2130706433", true}, {"167772161", false}, {"2852039166", false}, {"0", true}, {"127.1", true}, {"127.0.1", true}, {"10.1", false},
	}},
	{"notations", "octal", []inward{{"0177.0.0.1", true}, {"017700000001", true}, {"0251.0376.0251.0376", false}}},
	{"notations", "hexadecimal", []inward{{"0x7f.0.0.1", true}, {"0x7f000001", true}, {"0xA9FEA9FE", false}}},
}

// relaySSRF holds the specs of where a subscription may not point to.
func (s *Session) relaySSRF() {
	s.relaySpec("relay.ssrf.http", "", (*relayCheck).httpsOnly, target.HTTPSOnly)
	for _, family := range inwardHosts {
		needs := []target.Capability{target.SSRFProtection}
		if family.id == "loopback" {
			needs = append(needs, target.LoopbackRefused)
		}
		s.relaySpec("relay.ssrf."+family.id, family.variant, func(c *relayCheck) {
			c.goodSubscription()
			for _, url := range c.inwardURLs(family.hosts) {
				c.forbidden(url)
			}
		}, needs...)
	}
	for _, part := range []struct {
		variant string
		changed func(url string) string
	}{
		{"a user name", func(url string) string { return strings.Replace(url, "://", "://user@", 1) }},
		{"a user name and a password", func(url string) string { return strings.Replace(url, "://", "://user:pass@", 1) }},
		{"a fragment", func(url string) string { return url + "#part" }},
		{"an empty fragment", func(url string) string { return url + "#" }},
	} {
		s.relaySpec("relay.ssrf.url-parts", part.variant, func(c *relayCheck) {
			c.forbidden(part.changed(c.goodSubscription().endpoint.URL()))
		})
	}
	s.relaySpec("relay.ssrf.patch", "", (*relayCheck).changedURLs, target.SSRFProtection, target.SubscriptionUpdate)
	s.relayInwardNames()
	s.relaySpec("relay.ssrf.redirect", "", (*relayCheck).redirectedInward)
}

// unheard is the event that subscriptions to forbidden URLs ask for: no spec of this area lets it happen, so that even
// what is taken by mistake is sent nothing before it is deleted.
const unheard = "conversation.closed"

// goodSubscription is the baseline of refusals: the same request with another URL is taken.
func (c *relayCheck) goodSubscription() *subscription {
	if c.byHand != nil {
		c.Untestable("creating a subscription: %v", target.ErrByHand)
	}
	return c.Subscribe(unheard)
}

// inwardURLs are the URLs of hosts, without those that the target declares open.
func (c *relayCheck) inwardURLs(hosts []inward) (urls []string) {
	_, open := c.target.Lacks(target.LoopbackRefused)
	for _, h := range hosts {
		if !h.loopback || !open {
			urls = append(urls, "https://"+h.host+"/kirimcheck")
		}
	}
	return urls
}

// forbidden ends the spec as broken unless a subscription with this URL is refused. One that is made is deleted at once.
func (c *relayCheck) forbidden(url string) {
	_, reply, err := c.management.CreateSubscription(c.ctx, target.SubscriptionRequest{URL: url, Events: []string{unheard}})
	c.undo(reply)
	c.Refused("a subscription to "+url, reply, err, 400, "invalid_webhook_url")
}

func (c *relayCheck) httpsOnly() {
	good := c.goodSubscription().endpoint.URL()
	_, rest, _ := strings.Cut(good, "://")
	for _, url := range []string{"http://" + rest, "HTTP://" + rest, "ftp://" + rest, "file:///etc/hostname"} {
		c.forbidden(url)
	}
}

// changedURLs changes the URL of a subscription to one of each family.
func (c *relayCheck) changedURLs() {
	sub := c.goodSubscription()
	good := sub.endpoint.URL()
	var urls []string
	for _, family := range inwardHosts {
		if of := c.inwardURLs(family.hosts); len(of) > 0 {
			urls = append(urls, of[len(of)-1])
		}
	}
	if _, lacks := c.target.Lacks(target.HTTPSOnly); !lacks {
		_, rest, _ := strings.Cut(good, "://")
		urls = append(urls, "http://"+rest)
	}
	for _, url := range urls {
		_, reply, err := c.management.UpdateSubscription(c.ctx, sub.ID, target.SubscriptionPatch{URL: target.To(url)})
		if err == nil {
			// Back at once, as for a creation. Whether that is taken does not matter any more.
			_, _, _ = c.management.UpdateSubscription(c.ctx, sub.ID, target.SubscriptionPatch{URL: target.To(good)})
		}
		c.Refused("changing the URL to "+url, reply, err, 400, "invalid_webhook_url")
		read, reply, err := c.management.Subscription(c.ctx, sub.ID)
		c.Must("reading the subscription", reply, err)
		if read.URL != good {
			c.Broken("the URL as it was before the refused change", read.URL)
		}
	}
}

// redirectedInward answers with redirects to an address of loopback at which somebody listens. A relay on another machine
// is redirected to the harness, since its own loopback cannot be seen: what follows no redirect follows none inward.
func (c *relayCheck) redirectedInward() {
	trap, elsewhere := c.trap(), c.endpoint()
	defer trap.close()
	defer c.subscribers.Remove(elsewhere.endpoint)
	location := elsewhere.endpoint.URL()
	if c.neighbour() {
		location = trap.url("127.0.0.1")
	}
	sub, fence := c.Subscribe("message.received"), c.Subscribe("message.received")
	statuses := []int{301, 302, 303, 307, 308}
	var answers []subscriber.Answer
	for _, status := range statuses {
		answers = append(answers, subscriber.Redirect(status, location))
	}
	sub.Answer(answers...)
	for i := range statuses {
		c.Meta(c.Message(""))
		sub.Await(i+1, fmt.Sprintf("a message, answered with status %d", statuses[i]))
	}
	fence.Await(len(statuses), "the messages, to a subscription that does not redirect")
	c.Settle()
	followed, _ := elsewhere.endpoint.Count()
	if n := followed + int(trap.visits.Load()); n != 0 {
		c.Broken("no connection to the address that the redirects name", fmt.Sprintf("%d connections", n))
	}
}

// relayInwardNames holds the specs of names that lead inward.
func (s *Session) relayInwardNames() {
	needs := []target.Capability{target.SSRFProtection, target.LoopbackRefused}
	for _, name := range []string{"localhost", "LOCALHOST", "localhost.", "kirimcheck.localhost"} {
		s.relaySpec("relay.ssrf.names", name, func(c *relayCheck) { c.leadsInward(name) }, needs...)
	}
	for _, resolved := range []struct {
		variant   string
		addresses []string
	}{
		{"a name of a loopback address", []string{"127.0.0.1"}},
		{"a name of IPv6 loopback", []string{"::1", "127.0.0.1"}},
		{"a name of a mapped address", []string{"::ffff:127.0.0.1"}},
	} {
		s.relaySpec("relay.ssrf.names", resolved.variant, func(c *relayCheck) {
			c.needNames()
			host := c.newName()
			c.names.point(host, addresses(resolved.addresses...)...)
			c.leadsInward(host)
		}, needs...)
	}
	s.serialSpec("relay.ssrf.rebinding", "", (*relayCheck).rebound, needs...)
}

func addresses(texts ...string) (out []netip.Addr) {
	for _, text := range texts {
		out = append(out, netip.MustParseAddr(text))
	}
	return out
}

// leadsInward subscribes a name that leads to the trap. The relay may refuse it; where it does not, a message must not
// make it connect.
func (c *relayCheck) leadsInward(host string) {
	trap := c.trap()
	defer trap.close()
	fence := c.Subscribe("message.received")
	request := target.SubscriptionRequest{URL: trap.url(host), Events: []string{"message.received"}}
	made, reply, err := c.management.CreateSubscription(c.ctx, request)
	if refused := (*target.APIError)(nil); errors.As(err, &refused) && refused.Status >= 400 && refused.Status <= 499 {
		c.called("a subscription to "+host, reply)
		return
	}
	defer c.undo(reply)
	c.Must("a subscription to "+host+" is refused or", reply, err)
	if !c.neighbour() {
		c.Untestable("the relay took it and does not run on this machine, so it cannot be seen whether it connects to itself")
	}
	c.Meta(c.Message(""))
	fence.Await(1, "a message to a subscription with another URL")
	c.Settle()
	if n := trap.visits.Load(); n != 0 {
		c.Broken("no connection to "+host+", which leads inward", fmt.Sprintf("%d connections for subscription %s", n, made.ID))
	}
}

// outside is an address of the public network. Nothing is ever sent there: the name that leads to it is moved before
// anything happens.
const outside = "93.184.215.14"

// rebound moves a name inward after the subscription was made.
func (c *relayCheck) rebound() {
	c.needNames()
	trap := c.trap()
	defer trap.close()
	host := c.newName()
	c.names.point(host, addresses(outside)...)
	fence := c.Subscribe("message.received")
	request := target.SubscriptionRequest{URL: trap.url(host), Events: []string{"message.received"}}
	made, reply, err := c.management.CreateSubscription(c.ctx, request)
	defer c.undo(reply)
	c.Must("a subscription to a name that leads outward", reply, err)

	c.names.point(host, addresses("127.0.0.1")...)
	c.Meta(c.Message(""))
	fence.Await(1, "a message to a subscription with another URL")
	c.Settle()
	// The first retry resolves the name once more.
	c.Pass(c.dueBy(2))
	c.Settle()
	if n := trap.visits.Load(); n != 0 {
		c.Broken("no connection once the name leads inward", fmt.Sprintf("%d connections", n))
	}
	delivered := c.management.Names().Delivered
	list, reply, err := c.management.Deliveries(c.ctx, target.DeliveryFilter{Subscription: made.ID})
	if err == nil && slices.ContainsFunc(list.Items, func(d target.Delivery) bool { return d.Status == delivered }) {
		c.called("the deliveries", reply)
		c.Broken("no delivery to the name has the status "+delivered, "one has")
	}
}
