// Package subnet divides 127.0.0.0/8 among clusters.
//
// One run owns 127.X.0.0/16. In it, n counts the shards from 1:
//
//	127.X.0.1           the claim: whoever listens on it owns the block
//	127.X.n.1           etcd, API server, controllers of shard n
//	127.X.n.2           its node: DNS, kubelet API
//	127.X.n.10 – .250   its load balancers' addresses
//	127.X.64+n.0/24     its pods
//	127.X.128+n.0/24    its services' cluster IPs
//
// # Why
//
// All of 127.0.0.0/8 is the machine's own on Linux without any setup, so every
// pod can have an address and a port 6443 of its own without privileges.
package subnet

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
)

const (
	// MaxShards is what the address plan has room for.
	MaxShards = 63
	claimPort = 6440
	// firstAuto leaves the blocks below to those who name one in documents.
	firstAuto, lastAuto = 72, 126
)

// Block is a run's /16.
type Block struct{ prefix netip.Prefix }

// Parse reads a block such as 127.71.0.0/16.
func Parse(s string) (Block, error) {
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return Block{}, fmt.Errorf("parse subnet %s: %w", s, err)
	}
	if p != p.Masked() || p.Bits() != 16 || !p.Addr().Is4() || !p.Addr().IsLoopback() {
		return Block{}, fmt.Errorf("parse subnet %s: want 127.X.0.0/16", s)
	}
	return Block{p}, nil
}

func (b Block) String() string { return b.prefix.String() }

func (b Block) at(third, fourth int) netip.Addr {
	a := b.prefix.Addr().As4()
	a[2], a[3] = byte(third), byte(fourth)
	return netip.AddrFrom4(a)
}

// Shard is the addresses of one shard.
type Shard struct {
	Control, Node netip.Addr
	Pool, Pods    Range
	Services      netip.Prefix
}

// Shard returns the addresses of shard n, counted from 1.
func (b Block) Shard(n int) Shard {
	return Shard{
		Control:  b.at(n, 1),
		Node:     b.at(n, 2),
		Pool:     Range{b.at(n, 10), b.at(n, 250)},
		Pods:     Range{b.at(64+n, 1), b.at(64+n, 254)},
		Services: netip.PrefixFrom(b.at(128+n, 0), 24),
	}
}

// Claim takes a block for as long as the listener is open: the one asked for,
// or with "" the first free one.
func Claim(want string) (Block, *net.TCPListener, error) {
	if want != "" {
		b, err := Parse(want)
		if err != nil {
			return Block{}, nil, err
		}
		l, err := b.listen()
		if errors.Is(err, syscall.EADDRINUSE) {
			return Block{}, nil, fmt.Errorf("claim subnet %s: another devcluster has it", want)
		}
		if err != nil {
			return Block{}, nil, fmt.Errorf("claim subnet %s: %w", want, err)
		}
		return b, l, nil
	}
	var last error
	for x := firstAuto; x <= lastAuto; x++ {
		b := Block{netip.PrefixFrom(netip.AddrFrom4([4]byte{127, byte(x)}), 16)}
		l, err := b.listen()
		if err == nil {
			return b, l, nil
		}
		last = err
	}
	return Block{}, nil, fmt.Errorf("claim a subnet: none of 127.%d to 127.%d is free: %w", firstAuto, lastAuto, last)
}

func (b Block) listen() (*net.TCPListener, error) {
	return net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(netip.AddrPortFrom(b.at(0, 1), claimPort)))
}
