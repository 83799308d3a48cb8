restart() { # restarts the box at once, from a chroot, too; only where an installer was booted
    case $(cat /proc/cmdline 2>/dev/null) in *inst.ks=*) ;; *) return 0;; esac
    sync
    echo b > /proc/sysrq-trigger
}
{{- /* no line after it */ -}}
