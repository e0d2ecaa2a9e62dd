function __fish_wanconfig_using_command
    set -l cmd (commandline -xpc)
    set -e cmd[1]
    set -l target_cmd $argv

    set -l known_value_flags 'a' 'adsl' 'd' 'down' 'f' 'file' 'log' 'messages' 'root' 'y' 'z'

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

complete -c wanconfig -n '__fish_wanconfig_using_command' -l help -d 'display usage information'
complete -c wanconfig -n '__fish_wanconfig_using_command' -l file -s f -r -d 'start the devices of this configuration file'
complete -c wanconfig -n '__fish_wanconfig_using_command' -l down -s d -r -d 'stop the devices of this configuration file'
complete -c wanconfig -n '__fish_wanconfig_using_command' -l arguments -s U -d 'start a device that the words describe: [devices] DEV TYPE [interfaces] IF DEV ADDR|- MODE [DEV] KEY VALUE ... [IF] KEY VALUE ...'
complete -c wanconfig -n '__fish_wanconfig_using_command' -l adsl -s a -r -d 'accepted and ignored: list of ADSL channels'
complete -c wanconfig -n '__fish_wanconfig_using_command' -l verbose -s v -d 'say what is read and set'
complete -c wanconfig -n '__fish_wanconfig_using_command' -l hints -s w -d 'name the log after a failure (always done)'
complete -c wanconfig -n '__fish_wanconfig_using_command' -l log -s y -r -d 'the log of what is read and set (default: WAN_LOG of wanrouter.rc)'
complete -c wanconfig -n '__fish_wanconfig_using_command' -l messages -s z -r -d 'the system\'s log, named after a failure (default: /var/log/messages)'
complete -c wanconfig -n '__fish_wanconfig_using_command' -l usage -s h -d 'print this help'
complete -c wanconfig -n '__fish_wanconfig_using_command' -l version -s V -d 'print the version'
complete -c wanconfig -n '__fish_wanconfig_using_command' -l daemon -s x -d 'not offered: the daemon mode of the original'
complete -c wanconfig -n '__fish_wanconfig_using_command' -l json -d 'show in one line of JSON'
complete -c wanconfig -n '__fish_wanconfig_using_command' -l root -r -d 'put this directory before all paths (default: $WANBOX_ROOT, else /)'
complete -c wanconfig -n '__fish_wanconfig_using_command' -f -a 'card' -d 'the device that follows'
complete -c wanconfig -n '__fish_wanconfig_using_command' -f -a 'wan' -d 'the device that follows'
complete -c wanconfig -n '__fish_wanconfig_using_command' -f -a 'dev' -d 'the interface that follows'
complete -c wanconfig -n '__fish_wanconfig_using_command' -f -a 'nodev' -d 'no interface'
complete -c wanconfig -n '__fish_wanconfig_using_command' -f -a 'start' -d 'start the device, or create the interface'
complete -c wanconfig -n '__fish_wanconfig_using_command' -f -a 'up' -d 'as start'
complete -c wanconfig -n '__fish_wanconfig_using_command' -f -a 'add' -d 'as start'
complete -c wanconfig -n '__fish_wanconfig_using_command' -f -a 'stop' -d 'stop the device, or take the interface away'
complete -c wanconfig -n '__fish_wanconfig_using_command' -f -a 'down' -d 'as stop'
complete -c wanconfig -n '__fish_wanconfig_using_command' -f -a 'del' -d 'as stop'
complete -c wanconfig -n '__fish_wanconfig_using_command' -f -a 'delete' -d 'as stop'
complete -c wanconfig -n '__fish_wanconfig_using_command' -f -a 'restart' -d 'stop and start again'
complete -c wanconfig -n '__fish_wanconfig_using_command' -f -a 'reload' -d 'as restart'
complete -c wanconfig -n '__fish_wanconfig_using_command' -f -a 'reconfig' -d 'read the file again and apply what differs'
complete -c wanconfig -n '__fish_wanconfig_using_command' -f -a 'status' -d 'show the state'
complete -c wanconfig -n '__fish_wanconfig_using_command' -f -a 'stat' -d 'as status'
complete -c wanconfig -n '__fish_wanconfig_using_command' -f -a 'show' -d 'as status'
complete -c wanconfig -n '__fish_wanconfig_using_command' -f -a 'config' -d 'show the configuration'
complete -c wanconfig -n '__fish_wanconfig_using_command' -f -a 'counters' -d 'show every counter'
complete -c wanconfig -n '__fish_wanconfig_using_command' -f -a 'flush' -d 'clear the counters'
complete -c wanconfig -n '__fish_wanconfig_using_command' -f -a 'line' -d 'cut: unplug the line; join: plug it in'
complete -c wanconfig -n '__fish_wanconfig_using_command' -f -a 'capture' -d 'write the line to the pcap file that follows, or off'
complete -c wanconfig -n '__fish_wanconfig_using_command' -f -a 'hwprobe' -d 'list what lines can run on'
complete -c wanconfig -n '__fish_wanconfig_using_command' -f -a 'help' -d 'print the usage'
