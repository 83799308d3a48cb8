package kickstart

// Members are the partitions or arrays of a raid, volgroup or btrfs line. They stand
// together after the mount point or name, or later on the line; in the second case Red
// Hat's parser drops a word beside the name of a group.
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
