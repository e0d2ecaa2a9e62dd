function __fish_eqld_using_command
    set -l cmd (commandline -xpc)
    set -e cmd[1]
    set -l target_cmd $argv

    set -l known_value_flags 'log-file' 'max-slaves' 'mtu' 'order' 'overhead' 'queue' 'queue-packets' 'root' 'scheduler'

    set -l i 1
    set -l cleaned_cmd
    while test $i -le (count $cmd)
        set -l arg $cmd[$i]
        if string match -q -- "-*" $arg
            set -l pure_flag (string replace -r '^--?' '' -- $arg)
            if contains -- $pure_flag $known_value_flags
                set -l next_i (math $i + 1)
                if test $next_i -le (count $cmd)
                    if not string match -q -- "-*" $cmd[$next_i]
                        set i $next_i
                    end
                end
            end
        else
            set -a cleaned_cmd $arg
        end
        set i (math $i + 1)
    end

    set -l count_cleaned (count $cleaned_cmd)
    set -l count_target (count $target_cmd)

    if test $count_cleaned -ne $count_target
        return 1
    end

    for i in (seq $count_target)
        if test $cleaned_cmd[$i] != $target_cmd[$i]
            return 1
        end
    end

    return 0
end

complete -c eqld -n '__fish_eqld_using_command' -l help -d 'display usage information'
complete -c eqld -n '__fish_eqld_using_command' -l foreground -s f -d 'stay in the foreground and log to standard error'
complete -c eqld -n '__fish_eqld_using_command' -l scheduler -r -d 'which slave gets a packet: finish, the one that will have sent it first (default), or priority, by the formula of the kernel\'s driver'
complete -c eqld -n '__fish_eqld_using_command' -l order -r -d 'keep the order of no packets (none, default) or of those of a flow (flow)'
complete -c eqld -n '__fish_eqld_using_command' -l mtu -r -d 'MTU of the master, octets (default: 576)'
complete -c eqld -n '__fish_eqld_using_command' -l max-slaves -r -d 'how many slaves it takes, 1 to 64 (default: 4)'
complete -c eqld -n '__fish_eqld_using_command' -l overhead -r -d 'what lines add to a packet: plain, slip, ppp-async, hdlc, ethernet, or a number of octets (default: by the kind of the interface)'
complete -c eqld -n '__fish_eqld_using_command' -l queue -r -d 'how long packets may wait for a line, such as 100ms (default)'
complete -c eqld -n '__fish_eqld_using_command' -l queue-packets -r -d 'how many packets may wait for a line, 2 to 65536 (default: 256)'
complete -c eqld -n '__fish_eqld_using_command' -l log-file -r -d 'log to this file too, reopened on SIGHUP'
complete -c eqld -n '__fish_eqld_using_command' -l verbose -s v -d 'log what is below notices too'
complete -c eqld -n '__fish_eqld_using_command' -l root -r -d 'put this directory before every path (default: $WANBOX_ROOT)'
