// Package schema is decnet's language: it loads configuration files, evaluates
// them and resolves every block to an instance with all its values known. It
// touches nothing but the files it is given, refuses unknown names instead of
// guessing, and goes on after an error, so that one run reports them all.
//
// The way through it:
//
//	c, diags := schema.LoadDir(dir, schema.Options{Version: v, Catalogue: modules.FS})
//	state := c.Settings().State // known before evaluating; so are Runtime, Seed, Secret and Name
//	desired, more := c.Evaluate(schema.EvalOptions{
//		Services:       types,            // from the registry of services
//		Prior:          prior,            // address -> Config as last applied
//		DefaultRuntime: runtime, Seed: s, // kept in state
//		Variables:      fromFlags, Environment: fromEnv, Interfaces: ofTheHost, Reserved: byOthers,
//	})
//	diag.Write(os.Stderr, c.Files(), slices.Concat(diags, more), diag.Style{Width: 100, Color: true})
//
// Load never returns nil; Evaluate of a configuration that did not load says so
// and returns nil, as it does after an error of its own.
//
// What is derived (IP, MAC, hostname, distro, engine-side name) depends on the
// seed and the instance's address alone, collisions aside, and what Prior says
// is kept: one decky more or less changes no other. Package derive has the
// rules.
//
// References: var.NAME, local.NAME, network.NAME, archetype.NAME, distro.NAME,
// decky.NAME (with [0] or ["key"] where it is counted; address, name, hostname,
// domain, ip, mac, os, distro, network), count.index, each.key, each.value,
// path.module, path.root, module.NAME.OUTPUT (module.NAME[0].OUTPUT,
// module.NAME[*].OUTPUT); in a postcondition self, in a dynamic block its
// iterator.
//
// A module block evaluates the blocks of another folder, once for each of its
// instances, under addresses that begin with module.NAME. Inputs are the
// variables of the module; every other name in it is its own or the
// catalogue's, and functions read its own folder only. Values are followed
// through modules one by one, so two modules may take outputs of each other.
// A local source ("./x", "../x") stays inside the nearest folder above the
// configuration that holds a .git, or inside the configuration's own where
// there is none, and no link leads out of that. A module of git is what decnet
// get fetched into .decnet/modules: every load compares it with
// .decnet.lock.hcl, and loading fetches nothing. Package module has the sources
// and the lock.
//
// lifecycle stands in network, decky, service, rule and sink. Its arguments are
// expressions and may differ by instance; conditions may refer to anything,
// since they are checked when all is resolved. A service has its decky's
// on_drift, unless it says its own, and ignores what its decky ignores of the
// host; prevent_destroy, create_before_destroy and replace_triggered_by are
// the block's own: taking a service block away changes its decky, and what
// replaces a decky replaces its services.
//
// moved, removed and import name instances: decky.web, decky.web[0],
// decky.web.service.ssh["label"]. Chains of moves are folded, a failed check
// block warns, and dynamic "service" makes services of a collection.
//
// Every file may be in HCL's JSON syntax: main.hcl.json. A text over events and
// an address are quoted there, and a service with a label is "http.label".
//
// Package function has the functions, package rule the
// language of when, by and distinct.
package schema
