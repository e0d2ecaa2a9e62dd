function __fish_wpbackupd_using_command
    set -l cmd (commandline -xpc)
    set -e cmd[1]
    set -l target_cmd $argv

    set -l known_value_flags 'c' 'conf' 'log-file' 'root'

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

complete -c wpbackupd -n '__fish_wpbackupd_using_command' -f -l help -d 'display usage information'
complete -c wpbackupd -n '__fish_wpbackupd_using_command' -f -l foreground -s f -d 'stay in the foreground and log to standard error'
complete -c wpbackupd -n '__fish_wpbackupd_using_command' -f -l conf -s c -r -d 'configuration file (default: /etc/wanpipe/wpbackupd.conf)'
complete -c wpbackupd -n '__fish_wpbackupd_using_command' -f -l check -d 'only say what is wrong with the configuration'
complete -c wpbackupd -n '__fish_wpbackupd_using_command' -f -l log-file -r -d 'log to this file too, reopened on SIGHUP'
complete -c wpbackupd -n '__fish_wpbackupd_using_command' -f -l root -r -d 'put this directory before every path (default: $WANBOX_ROOT)'
complete -c wpbackupd -n '__fish_wpbackupd_using_command' -f -a 'status' -d 'Show every link, or one.'
complete -c wpbackupd -n '__fish_wpbackupd_using_command' -f -a 'backup' -d 'Use the backup of a link, whatever the state of its primary.'
complete -c wpbackupd -n '__fish_wpbackupd_using_command' -f -a 'primary' -d 'Use the primary of a link, whatever its state.'
complete -c wpbackupd -n '__fish_wpbackupd_using_command' -f -a 'auto' -d 'Let the state of the primary decide again.'
complete -c wpbackupd -n '__fish_wpbackupd_using_command' -f -a 'stop' -d 'Return every link to its primary and end the daemon.'
complete -c wpbackupd -n '__fish_wpbackupd_using_command status' -l help -d 'display usage information'
complete -c wpbackupd -n '__fish_wpbackupd_using_command status' -l json -d 'one line of JSON'
complete -c wpbackupd -n '__fish_wpbackupd_using_command backup' -l help -d 'display usage information'
complete -c wpbackupd -n '__fish_wpbackupd_using_command primary' -l help -d 'display usage information'
complete -c wpbackupd -n '__fish_wpbackupd_using_command auto' -l help -d 'display usage information'
complete -c wpbackupd -n '__fish_wpbackupd_using_command stop' -f -l help -d 'display usage information'
