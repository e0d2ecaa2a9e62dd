function __fish_net_using_command
    set -l cmd (commandline -xpc)
    set -e cmd[1]
    set -l target_cmd $argv

    set -l known_value_flags 'e' 'execute' 'root'

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

complete -c net -n '__fish_net_using_command' -l help -d 'display usage information'
complete -c net -n '__fish_net_using_command' -l debug -s g -d 'learned addresses and routes are neither read nor kept, the priority stays as it is, and changed files do not end the program'
complete -c net -n '__fish_net_using_command' -l verbose -s v -d 'show every line of the startup file before it is run'
complete -c net -n '__fish_net_using_command' -l daemon -s d -d 'go to the background as soon as everything is ready'
complete -c net -n '__fish_net_using_command' -l logins -d 'keep what it takes to run programs as other users, and the host\'s login, for those who come over a network (login program, login telnet)'
complete -c net -n '__fish_net_using_command' -l attach -d 'a console on the running station'
complete -c net -n '__fish_net_using_command' -l execute -s e -r -d 'give a command to the running station; several are given one after another'
complete -c net -n '__fish_net_using_command' -l json -d 'with -e: lists as JSON'
complete -c net -n '__fish_net_using_command' -l root -r -d 'put this directory before every path (default: $WANBOX_ROOT)'
