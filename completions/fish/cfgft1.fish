function __fish_cfgft1_using_command
    set -l cmd (commandline -xpc)
    set -e cmd[1]
    set -l target_cmd $argv

    set -l known_value_flags 'i' 'interface' 'root' 'set' 'timeout'

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

complete -c cfgft1 -n '__fish_cfgft1_using_command' -l help -d 'display usage information'
complete -c cfgft1 -n '__fish_cfgft1_using_command' -l read -d 'read the unit\'s settings, show and record them'
complete -c cfgft1 -n '__fish_cfgft1_using_command' -l auto -d 'have the unit find its line\'s settings, show and record them'
complete -c cfgft1 -n '__fish_cfgft1_using_command' -l set -r -d 'set one setting (framing, encoding, line build, channel, baud, clocking) on top of the record; may be repeated'
complete -c cfgft1 -n '__fish_cfgft1_using_command' -l check -d 'only say what is wrong with the file, or with the record'
complete -c cfgft1 -n '__fish_cfgft1_using_command' -l show -d 'only show the record'
complete -c cfgft1 -n '__fish_cfgft1_using_command' -l json -d 'show settings as one line of JSON'
complete -c cfgft1 -n '__fish_cfgft1_using_command' -l interface -s i -r -d 'the interface to ask through, or the far end\'s IPv4 address (default: the device\'s first interface)'
complete -c cfgft1 -n '__fish_cfgft1_using_command' -l timeout -r -d 'how long to wait for an answer each of four times (default: 5s)'
complete -c cfgft1 -n '__fish_cfgft1_using_command' -l root -r -d 'put this directory before every path but the file\'s (default: $WANBOX_ROOT)'
