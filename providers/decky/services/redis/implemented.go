package redis

import "sync"

const noCluster = "This instance has cluster support disabled"

var built struct {
	once  sync.Once
	table map[string]run
}

// implemented are the commands that have code, by full name. The table is made
// when it is first asked for: EXEC and EVAL are in it and look others up.
func implemented() map[string]run {
	built.once.Do(func() { built.table = build() })
	return built.table
}

func build() map[string]run {
	return map[string]run{
		"ping": ping, "echo": echo, "auth": auth, "hello": hello, "reset": reset, "select": selectDB, "client|list": clientList, "client|info": clientInfo,
		"client|id": clientID, "client|getname": clientGetName, "client|setname": clientSetName, "client|kill": clientKill,
		"client|no-evict": constant("+OK\r\n"), "client|pause": constant("+OK\r\n"), "client|unpause": constant("+OK\r\n"),

		"multi": multi, "exec": exec, "discard": discard, "watch": watch, "unwatch": constant("+OK\r\n"),
		"subscribe": subscribe, "unsubscribe": subscribe, "psubscribe": subscribe, "punsubscribe": subscribe, "publish": publish,
		"pubsub|channels": pubsubChannels, "pubsub|numpat": constant(":0\r\n"), "monitor": monitor,

		"get": get, "set": set, "setnx": setnx, "setex": setex, "psetex": setex, "getset": getset, "getdel": getdel, "mget": mget, "mset": mset, "msetnx": mset,
		"incr": incr, "decr": incr, "incrby": incr, "decrby": incr, "incrbyfloat": incrByFloat, "append": appendText, "strlen": strlen,
		"getrange": getrange, "substr": getrange,

		"del": del, "unlink": del, "exists": exists, "touch": exists, "keys": keys, "scan": scan, "type": typeOf, "ttl": ttl, "pttl": ttl,
		"expire": expire, "pexpire": expire, "expireat": expire, "pexpireat": expire, "persist": persist, "rename": rename, "renamenx": rename,
		"randomkey": randomKey, "swapdb": swapDB, "dbsize": dbsize, "flushall": flush, "flushdb": flush, "object|encoding": objectEncoding, "dump": constant("$-1\r\n"),

		"lpush": pushList, "rpush": pushList, "lpushx": pushList, "rpushx": pushList, "lpop": popList, "rpop": popList, "lrange": lrange, "llen": count("list"),
		"hset": hset, "hmset": hset, "hget": hget, "hgetall": hgetall, "hkeys": hgetall, "hvals": hgetall, "hexists": hexists, "hlen": count("hash"), "hdel": removeMembers("hash"),
		"sadd": sadd, "smembers": smembers, "sismember": sismember, "scard": count("set"), "srem": removeMembers("set"),
		"zadd": zadd, "zscore": zscore, "zrange": zrange, "zcard": count("zset"), "zrem": removeMembers("zset"),

		"info": info, "config|get": configGet, "config|set": configSet, "config|rewrite": configRewrite, "config|resetstat": configResetStat,
		"save": save, "bgsave": bgsave, "lastsave": lastSave, "bgrewriteaof": constant("+Background append only file rewriting started\r\n"),
		"slaveof": replicaOf, "replicaof": replicaOf, "role": role, "replconf": constant("+OK\r\n"), "wait": constant(":0\r\n"),
		"time": now, "shutdown": shutdown, "module|list": constant("*0\r\n"), "module|load": refuse("Error loading the extension. Please check the server logs."),
		"module|unload": refuse("Error unloading module: no such module with that name"),
		"command":       commandAll, "command|count": commandCount, "command|info": commandInfo, "command|list": commandList, "command|docs": commandDocs,
		"slowlog|get": constant("*0\r\n"), "slowlog|len": constant(":0\r\n"), "slowlog|reset": constant("+OK\r\n"), "latency|latest": constant("*0\r\n"),
		"acl|whoami": aclWhoami, "acl|users": aclUsers, "acl|list": aclList,
		"readonly": refuse(noCluster), "readwrite": refuse(noCluster), "asking": refuse(noCluster),
		"cluster|info": refuse(noCluster), "cluster|nodes": refuse(noCluster), "cluster|slots": refuse(noCluster), "cluster|meet": refuse(noCluster), "cluster|myid": refuse(noCluster),
		"sync": refuse("-NOMASTERLINK Can't SYNC while not connected with my master"), "psync": refuse("-NOMASTERLINK Can't SYNC while not connected with my master"),
		"eval": eval, "evalsha": eval, "eval_ro": eval, "evalsha_ro": eval, "script|load": scriptLoad, "script|exists": scriptExists, "script|flush": scriptFlush,
		"lolwut": func(s *server, _ *session, out *reply, _ [][]byte) { out.bulk("Redis ver. " + s.version + "\n") },
	}
}
