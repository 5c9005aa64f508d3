package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// parseShard reads "i/n".
func (x *exploration) parseShard() error {
	if x.shard == "" {
		if x.Exchange != "" {
			return errors.New("--exchange needs --shard, such as --shard 0/2")
		}
		return nil
	}
	i, n, ok := strings.Cut(x.shard, "/")
	var err1, err2 error
	x.Shard, err1 = strconv.Atoi(i)
	x.Shards, err2 = strconv.Atoi(n)
	if !ok || err1 != nil || err2 != nil || x.Shards < 1 {
		return fmt.Errorf("--shard %s: must be shard I of N, such as 0/4", x.shard)
	}
	if x.Shard < 0 || x.Shard >= x.Shards {
		return fmt.Errorf("--shard %s: shards are counted from 0: must be from 0/%d to %d/%[2]d", x.shard, x.Shards, x.Shards-1)
	}
	if x.Shards > maxShards {
		return fmt.Errorf("--shard %s: must be at most %d shards", x.shard, maxShards)
	}
	if x.strategy != "dpor" {
		return fmt.Errorf("--shard %s: --strategy %s cannot be divided into shards, only dpor can", x.shard, x.strategy)
	}
	if x.Shards > 1 && x.Exchange == "" {
		return fmt.Errorf("--shard %s: needs --exchange DIR, a directory through which the shards share results", x.shard)
	}
	return nil
}
