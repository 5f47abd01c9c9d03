package function

import (
	"fmt"
	"math/big"
	"net"

	"github.com/apparentlymart/go-cidr/cidr"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/gocty"
)

var prefixParam = function.Parameter{Name: "prefix", Type: cty.String}

func parsePrefix(v cty.Value) (*net.IPNet, error) {
	_, network, err := net.ParseCIDR(v.AsString())
	if err != nil {
		return nil, function.NewArgErrorf(0, "%q is no CIDR such as 10.0.0.0/16", v.AsString())
	}
	return network, nil
}

func number(name string) function.Parameter { return function.Parameter{Name: name, Type: cty.Number} }

var cidrHost = function.New(&function.Spec{
	Params: []function.Parameter{prefixParam, number("hostnum")},
	Type:   function.StaticReturnType(cty.String),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		network, err := parsePrefix(args[0])
		if err != nil {
			return cty.UnknownVal(cty.String), err
		}
		var n *big.Int
		if err := gocty.FromCtyValue(args[1], &n); err != nil {
			return cty.UnknownVal(cty.String), function.NewArgError(1, err)
		}
		ip, err := cidr.HostBig(network, n)
		if err != nil {
			return cty.UnknownVal(cty.String), err
		}
		return cty.StringVal(ip.String()), nil
	},
})

var cidrNetmask = function.New(&function.Spec{
	Params: []function.Parameter{prefixParam},
	Type:   function.StaticReturnType(cty.String),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		network, err := parsePrefix(args[0])
		if err != nil {
			return cty.UnknownVal(cty.String), err
		}
		if network.IP.To4() == nil {
			return cty.UnknownVal(cty.String), function.NewArgErrorf(0, "only IPv4 has netmasks")
		}
		return cty.StringVal(net.IP(network.Mask).String()), nil
	},
})

var cidrSubnet = function.New(&function.Spec{
	Params: []function.Parameter{prefixParam, number("newbits"), number("netnum")},
	Type:   function.StaticReturnType(cty.String),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		network, err := parsePrefix(args[0])
		if err != nil {
			return cty.UnknownVal(cty.String), err
		}
		var bits int
		var n *big.Int
		if err := gocty.FromCtyValue(args[1], &bits); err != nil {
			return cty.UnknownVal(cty.String), function.NewArgError(1, err)
		}
		if err := gocty.FromCtyValue(args[2], &n); err != nil {
			return cty.UnknownVal(cty.String), function.NewArgError(2, err)
		}
		sub, err := cidr.SubnetBig(network, bits, n)
		if err != nil {
			return cty.UnknownVal(cty.String), err
		}
		return cty.StringVal(sub.String()), nil
	},
})

var cidrSubnets = function.New(&function.Spec{
	Params:   []function.Parameter{prefixParam},
	VarParam: &function.Parameter{Name: "newbits", Type: cty.Number},
	Type:     function.StaticReturnType(cty.List(cty.String)),
	Impl: func(args []cty.Value, ty cty.Type) (cty.Value, error) {
		network, err := parsePrefix(args[0])
		if err != nil {
			return cty.UnknownVal(ty), err
		}
		if len(args) == 1 {
			return cty.ListValEmpty(cty.String), nil
		}
		prefix, _ := network.Mask.Size()
		out := make([]cty.Value, 0, len(args)-1)
		var current *net.IPNet
		for i, arg := range args[1:] {
			var bits int
			if err := gocty.FromCtyValue(arg, &bits); err != nil {
				return cty.UnknownVal(ty), function.NewArgError(i+1, err)
			}
			if current, err = nextSubnet(network, current, prefix+bits); err != nil {
				return cty.UnknownVal(ty), function.NewArgError(i+1, err)
			}
			out = append(out, cty.StringVal(current.String()))
		}
		return cty.ListVal(out), nil
	},
})

// nextSubnet is the first subnet of the given length inside whole and after
// current.
func nextSubnet(whole, current *net.IPNet, length int) (*net.IPNet, error) {
	ones, size := whole.Mask.Size()
	if length <= ones-1 || length > size {
		return nil, fmt.Errorf("a prefix of %d bits does not fit in %s", length, whole)
	}
	if current == nil {
		first, err := cidr.Subnet(whole, length-ones, 0)
		return first, err
	}
	next, wrapped := cidr.NextSubnet(current, length)
	if wrapped || !whole.Contains(next.IP) {
		return nil, fmt.Errorf("%s has no room for another /%d after %s", whole, length, current)
	}
	return next, nil
}
