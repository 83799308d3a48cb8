package installer

import (
	"context"
	"fmt"

	"rackhand/provision/installer/plan"
)

// do carries one step out.
func (m *machine) do(ctx context.Context, s plan.Step) error {
	switch s := s.(type) {
	case plan.ReportStep:
		return m.doReport(ctx, s)
	case plan.GuardStep:
		return m.doGuard(ctx, s)
	case plan.BlankStep:
		return m.doBlank(ctx, s)
	case plan.PartitionStep:
		return m.doPartition(ctx, s)
	case plan.TableStep:
		return m.doTable(ctx, s)
	case plan.FinishStep:
		return m.doFinish(ctx, s)
	case plan.FormatStep:
		return m.doFormat(ctx, s)
	case plan.MountStep:
		return m.doMount(ctx, s)
	case plan.UnmountStep:
		return m.doUnmount(ctx, s)
	case plan.FlushStep:
		return m.doFlush(ctx, s)
	case plan.FirewallStep:
		return m.doFirewall(ctx, s)
	case plan.GRUBStep:
		return m.doGRUB(ctx, s)
	case plan.GRUBConfigStep:
		return m.doGRUBConfig(ctx, s)
	case plan.ImageStep:
		return m.doImage(ctx, s)
	case plan.LocaleStep:
		return m.doLocale(ctx, s)
	case plan.NetworkStep:
		return m.doNetwork(ctx, s)
	case plan.ResolvConfStep:
		return m.doResolvConf(ctx, s)
	case plan.PackageStep:
		return m.doPackage(ctx, s)
	case plan.ScriptStep:
		return m.doScript(ctx, s)
	case plan.ArrayStep:
		return m.doArray(ctx, s)
	case plan.VolumeGroupStep:
		return m.doVolumeGroup(ctx, s)
	case plan.VolumeStep:
		return m.doVolume(ctx, s)
	case plan.StopStep:
		return m.doStop(ctx, s)
	case plan.NeedStep:
		return m.doNeed(ctx, s)
	case plan.StorageStep:
		return m.doStorage(ctx, s)
	case plan.BindStep:
		return m.doBind(ctx, s)
	case plan.FileStep:
		return m.doFile(ctx, s)
	case plan.ChrootStep:
		return m.doChroot(ctx, s)
	case plan.SSHKeyStep:
		return m.doSSHKey(ctx, s)
	case plan.TimezoneStep:
		return m.doTimezone(ctx, s)
	case plan.LabelStep:
		return m.doLabel(ctx, s)
	case plan.SELinuxStep:
		return m.doSELinux(ctx, s)
	case plan.TimeStep:
		return m.doTime(ctx, s)
	case plan.UserStep:
		return m.doUser(ctx, s)
	case plan.GroupStep:
		return m.doGroup(ctx, s)
	case plan.ServiceStep:
		return m.doService(ctx, s)
	}
	return fmt.Errorf("the plan has a step %T that this installer can't carry out: this is a defect in rackhand", s)
}
