function __fish_wanrouter_using_command
    set -l cmd (commandline -xpc)
    set -e cmd[1]
    set -l target_cmd $argv

    set -l known_value_flags 'root'

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

complete -c wanrouter -n '__fish_wanrouter_using_command' -f -l help -d 'display usage information'
complete -c wanrouter -n '__fish_wanrouter_using_command' -f -l root -r -d 'put this directory before all paths (default: $WANBOX_ROOT, else /)'
complete -c wanrouter -n '__fish_wanrouter_using_command' -f -a 'start' -d 'Start all devices of WAN_DEVICES, one device, or one interface of a device.'
complete -c wanrouter -n '__fish_wanrouter_using_command' -f -a 'stop' -d 'Stop all devices of WAN_DEVICES, one device, one interface of a device, or (all) whatever runs.'
complete -c wanrouter -n '__fish_wanrouter_using_command' -f -a 'restart' -d 'Stop and start again. A wrong new configuration leaves the running link as it is.'
complete -c wanrouter -n '__fish_wanrouter_using_command' -f -a 'status' -d 'Show what runs: devices, their configuration and their state.'
complete -c wanrouter -n '__fish_wanrouter_using_command' -f -a 'list' -d 'List the active devices.'
complete -c wanrouter -n '__fish_wanrouter_using_command' -f -a 'summary' -d 'Show every configuration file and the state of its device, a line each.'
complete -c wanrouter -n '__fish_wanrouter_using_command' -f -a 'hwprobe' -d 'List the lines that this machine offers.'
complete -c wanrouter -n '__fish_wanrouter_using_command' -f -a 'debug' -d 'Look for what is wrong with the installation, or with one interface.'
complete -c wanrouter -n '__fish_wanrouter_using_command' -f -a 'conflog' -d 'Show the log of starts and stops.'
complete -c wanrouter -n '__fish_wanrouter_using_command' -f -a 'messages' -d 'Show the last 200 lines of the system\'s log.'
complete -c wanrouter -n '__fish_wanrouter_using_command' -f -a 'version' -d 'Show the version.'
complete -c wanrouter -n '__fish_wanrouter_using_command start' -l help -d 'display usage information'
complete -c wanrouter -n '__fish_wanrouter_using_command stop' -l help -d 'display usage information'
complete -c wanrouter -n '__fish_wanrouter_using_command restart' -l help -d 'display usage information'
complete -c wanrouter -n '__fish_wanrouter_using_command status' -l help -d 'display usage information'
complete -c wanrouter -n '__fish_wanrouter_using_command status' -l json -d 'one line of JSON'
complete -c wanrouter -n '__fish_wanrouter_using_command list' -f -l help -d 'display usage information'
complete -c wanrouter -n '__fish_wanrouter_using_command list' -f -l json -d 'one line of JSON'
complete -c wanrouter -n '__fish_wanrouter_using_command summary' -f -l help -d 'display usage information'
complete -c wanrouter -n '__fish_wanrouter_using_command summary' -f -l json -d 'one line of JSON'
complete -c wanrouter -n '__fish_wanrouter_using_command hwprobe' -l help -d 'display usage information'
complete -c wanrouter -n '__fish_wanrouter_using_command hwprobe' -l json -d 'one line of JSON'
complete -c wanrouter -n '__fish_wanrouter_using_command debug' -l help -d 'display usage information'
complete -c wanrouter -n '__fish_wanrouter_using_command conflog' -f -l help -d 'display usage information'
complete -c wanrouter -n '__fish_wanrouter_using_command messages' -f -l help -d 'display usage information'
complete -c wanrouter -n '__fish_wanrouter_using_command version' -f -l help -d 'display usage information'
