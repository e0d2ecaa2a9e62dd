function __fish_l2tpns_using_command
    set -l cmd (commandline -xpc)
    set -e cmd[1]
    set -l target_cmd $argv

    set -l known_value_flags 'c' 'config' 'e' 'execute' 'h' 'hostname' 'root'

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

complete -c l2tpns -n '__fish_l2tpns_using_command' -f -l help -d 'display usage information'
complete -c l2tpns -n '__fish_l2tpns_using_command' -f -l daemon -s d -d 'go to the background as soon as everything is ready'
complete -c l2tpns -n '__fish_l2tpns_using_command' -f -l foreground -s f -d 'stay in the foreground (default)'
complete -c l2tpns -n '__fish_l2tpns_using_command' -f -l verbose -s v -d 'log one level more, as long as the configuration does not say otherwise; up to five times'
complete -c l2tpns -n '__fish_l2tpns_using_command' -f -l config -s c -r -d 'the configuration (default: /etc/l2tpns/startup-config)'
complete -c l2tpns -n '__fish_l2tpns_using_command' -f -l hostname -s h -r -d 'the name in tunnels and prompts, unless the configuration has one (default: the host\'s)'
complete -c l2tpns -n '__fish_l2tpns_using_command' -f -l check -d 'read all files, say what is wrong in them, and end'
complete -c l2tpns -n '__fish_l2tpns_using_command' -f -l execute -s e -r -d 'give a command to the running daemon, as at its prompt; several are given one after another'
complete -c l2tpns -n '__fish_l2tpns_using_command' -f -l json -d 'with -e: show as JSON'
complete -c l2tpns -n '__fish_l2tpns_using_command' -f -l root -r -d 'put this directory before every path (default: $WANBOX_ROOT)'
