package installer

import (
	"context"
	"fmt"
)

// do carries one step out.
func (m *machine) do(ctx context.Context, s Step) error {
	switch s := s.(type) {
	case tellStep:
		return m.doTell(ctx, s)
	case guardStep:
		return m.doGuard(ctx, s)
	case blankStep:
		return m.doBlank(ctx, s)
	case partitionStep:
		return m.doPartition(ctx, s)
	case tableStep:
		return m.doTable(ctx, s)
	case finishStep:
		return m.doFinish(ctx, s)
	case formatStep:
		return m.doFormat(ctx, s)
	case mountStep:
		return m.doMount(ctx, s)
	case unmountStep:
		return m.doUnmount(ctx, s)
	case flushStep:
		return m.doFlush(ctx, s)
	case firewallStep:
		return m.doFirewall(ctx, s)
	case grubStep:
		return m.doGrub(ctx, s)
	case grubConfigStep:
		return m.doGrubConfig(ctx, s)
	case imageStep:
		return m.doImage(ctx, s)
	case localeStep:
		return m.doLocale(ctx, s)
	case networkStep:
		return m.doNetwork(ctx, s)
	case resolvStep:
		return m.doResolv(ctx, s)
	case packageStep:
		return m.doPackage(ctx, s)
	case scriptStep:
		return m.doScript(ctx, s)
	case arrayStep:
		return m.doArray(ctx, s)
	case volumeGroupStep:
		return m.doVolumeGroup(ctx, s)
	case volumeStep:
		return m.doVolume(ctx, s)
	case stopStep:
		return m.doStop(ctx, s)
	case needStep:
		return m.doNeed(ctx, s)
	case storageStep:
		return m.doStorage(ctx, s)
	case bindStep:
		return m.doBind(ctx, s)
	case fileStep:
		return m.doFile(ctx, s)
	case chrootStep:
		return m.doChroot(ctx, s)
	case sshKeyStep:
		return m.doSshKey(ctx, s)
	case timezoneStep:
		return m.doTimezone(ctx, s)
	case labelStep:
		return m.doLabel(ctx, s)
	case selinuxStep:
		return m.doSelinux(ctx, s)
	case timeStep:
		return m.doTime(ctx, s)
	case userStep:
		return m.doUser(ctx, s)
	case groupStep:
		return m.doGroup(ctx, s)
	case serviceStep:
		return m.doService(ctx, s)
	}
	return fmt.Errorf("the plan has a step %T that this installer can't carry out: this is a defect in rackhand", s)
}
