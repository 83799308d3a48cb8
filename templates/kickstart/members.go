package kickstart

// Members are the partitions or arrays that a raid, volgroup or btrfs line is made
// of. They stand together after the mount point or name, or somewhere after it; of
// a group, what stands beside the name is lost then.
func Members(c *Command, args Args) []Word {
	taken := func(i int) []Word {
		if i < len(args.Taken) {
			return args.Taken[i]
		}
		return nil
	}
	switch {
	case c.Name == "btrfs":
		return args.Extra[min(1, len(args.Extra)):]
	case c.Name == "raid" && len(taken(1)) > 0:
		return taken(1)
	case c.Name == "raid" || len(args.Extra) > 0:
		return args.Extra
	}
	return taken(0)[min(1, len(taken(0))):]
}
