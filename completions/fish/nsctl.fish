function __fish_nsctl_using_command
    set -l cmd (commandline -xpc)
    set -e cmd[1]
    set -l target_cmd $argv

    set -l known_value_flags 'h' 'host' 't' 'timeout'

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

complete -c nsctl -n '__fish_nsctl_using_command' -l help -d 'display usage information'
complete -c nsctl -n '__fish_nsctl_using_command' -l debug -s d -d 'print the messages, as they are sent and received, to standard error'
complete -c nsctl -n '__fish_nsctl_using_command' -l host -s h -r -d 'the host of the l2tpns, and its port if that is not 1702 (default: 127.0.0.1)'
complete -c nsctl -n '__fish_nsctl_using_command' -l timeout -s t -r -d 'seconds to wait for the answer, 0 for ever (default: 2)'
complete -c nsctl -n '__fish_nsctl_using_command' -f -a 'load_plugin' -d 'load the named plugin'
complete -c nsctl -n '__fish_nsctl_using_command' -f -a 'unload_plugin' -d 'unload the named plugin'
complete -c nsctl -n '__fish_nsctl_using_command' -f -a 'help' -d 'list the commands of nsctl and of the loaded plugins'
