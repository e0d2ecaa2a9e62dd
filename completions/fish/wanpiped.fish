function __fish_wanpiped_using_command
    set -l cmd (commandline -xpc)
    set -e cmd[1]
    set -l target_cmd $argv

    set -l known_value_flags 'c' 'conf' 'log-file' 'pcap' 'root'

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

complete -c wanpiped -n '__fish_wanpiped_using_command' -l help -d 'display usage information'
complete -c wanpiped -n '__fish_wanpiped_using_command' -l foreground -s f -d 'stay in the foreground and log to standard error'
complete -c wanpiped -n '__fish_wanpiped_using_command' -l conf -s c -r -d 'configuration file; "-" reads it from standard input (default: DEVICE.conf in the configuration directory)'
complete -c wanpiped -n '__fish_wanpiped_using_command' -l pcap -r -d 'capture the line to this pcap file from the start'
complete -c wanpiped -n '__fish_wanpiped_using_command' -l log-file -r -d 'log to this file, reopened on SIGHUP (default: WAN_LOG of wanrouter.rc; with -f none)'
complete -c wanpiped -n '__fish_wanpiped_using_command' -l verbose -s v -d 'log what is below notices too'
complete -c wanpiped -n '__fish_wanpiped_using_command' -l root -r -d 'put this directory before every path (default: $WANBOX_ROOT)'
