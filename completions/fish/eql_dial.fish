function __fish_eql_dial_using_command
    set -l cmd (commandline -xpc)
    set -e cmd[1]
    set -l target_cmd $argv

    set -l known_value_flags 'address' 'c' 'conf' 'log-file' 'mtu' 'root' 'runslip' 'speed'

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

complete -c eql_dial -n '__fish_eql_dial_using_command' -f -l help -d 'display usage information'
complete -c eql_dial -n '__fish_eql_dial_using_command' -f -l foreground -s f -d 'stay in the foreground and log to standard error'
complete -c eql_dial -n '__fish_eql_dial_using_command' -f -l conf -s c -r -d 'configuration file (default: /etc/wanpipe/eql_dial.conf)'
complete -c eql_dial -n '__fish_eql_dial_using_command' -f -l runslip -r -d 'read DSLIP\'s runslip.conf instead'
complete -c eql_dial -n '__fish_eql_dial_using_command' -f -l check -d 'only say what is wrong with the configuration'
complete -c eql_dial -n '__fish_eql_dial_using_command' -f -l once -d 'bring up what is to be up and end; for cron'
complete -c eql_dial -n '__fish_eql_dial_using_command' -f -l log-file -r -d 'log to this file too, reopened on SIGHUP'
complete -c eql_dial -n '__fish_eql_dial_using_command' -f -l root -r -d 'put this directory before every path (default: $WANBOX_ROOT)'
complete -c eql_dial -n '__fish_eql_dial_using_command' -f -a 'status' -d 'Show every line, or one.'
complete -c eql_dial -n '__fish_eql_dial_using_command' -f -a 'up' -d 'Bring a line up by hand; or, from pppd\'s ip-up, say that an interface is up, with its rate.'
complete -c eql_dial -n '__fish_eql_dial_using_command' -f -a 'down' -d 'Hang a line up by hand; or, from pppd\'s ip-down, say that an interface is going.'
complete -c eql_dial -n '__fish_eql_dial_using_command' -f -a 'auto' -d 'Have the configuration decide over a line again.'
complete -c eql_dial -n '__fish_eql_dial_using_command' -f -a 'stop' -d 'Hang every line up and end the daemon.'
complete -c eql_dial -n '__fish_eql_dial_using_command' -f -a 'attach' -d 'Run a script on a terminal, then make that a SLIP interface, and stay as long as it is one.'
complete -c eql_dial -n '__fish_eql_dial_using_command status' -l help -d 'display usage information'
complete -c eql_dial -n '__fish_eql_dial_using_command status' -l json -d 'one line of JSON'
complete -c eql_dial -n '__fish_eql_dial_using_command up' -l help -d 'display usage information'
complete -c eql_dial -n '__fish_eql_dial_using_command down' -l help -d 'display usage information'
complete -c eql_dial -n '__fish_eql_dial_using_command auto' -l help -d 'display usage information'
complete -c eql_dial -n '__fish_eql_dial_using_command stop' -f -l help -d 'display usage information'
complete -c eql_dial -n '__fish_eql_dial_using_command attach' -l help -d 'display usage information'
complete -c eql_dial -n '__fish_eql_dial_using_command attach' -l speed -r -d 'bits a second (default: 38400)'
complete -c eql_dial -n '__fish_eql_dial_using_command attach' -l mtu -r -d 'the interface\'s MTU, 68 to 65534'
complete -c eql_dial -n '__fish_eql_dial_using_command attach' -l address -r -d 'the interface\'s address'
