function __fish_x25call_using_command
    set -l cmd (commandline -xpc)
    set -e cmd[1]
    set -l target_cmd $argv

    set -l known_value_flags 'b' 'block' 'd' 'device' 'f' 'facility' 'root' 's' 'source' 't' 'timeout' 'u' 'user-data'

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

complete -c x25call -n '__fish_x25call_using_command' -l help -d 'display usage information'
complete -c x25call -n '__fish_x25call_using_command' -l device -s d -r -d 'the device, such as wanpipe1 (default: the only X.25 device that runs)'
complete -c x25call -n '__fish_x25call_using_command' -l source -s s -r -d 'the calling address, up to 15 digits (default: none)'
complete -c x25call -n '__fish_x25call_using_command' -l user-data -s u -r -d 'call user data, in hexadecimal digits: up to 16 octets, with fast select 128'
complete -c x25call -n '__fish_x25call_using_command' -l facility -s f -r -d 'ask for a facility, again for more: packet=N[/N], window=N[/N], throughput=CLASS[/CLASS], reverse, fast, fast-restricted, cug=N, or a code and its parameter in hexadecimal digits'
complete -c x25call -n '__fish_x25call_using_command' -l qualified -s Q -d 'send data with the Q bit, and take such data as data'
complete -c x25call -n '__fish_x25call_using_command' -l delivery -s D -d 'send data with the D bit: the other end itself confirms it'
complete -c x25call -n '__fish_x25call_using_command' -l clear-at-end -s N -d 'clear when standard input has ended and the other end has everything, without waiting for what it sends'
complete -c x25call -n '__fish_x25call_using_command' -l no-input -s n -d 'do not read standard input'
complete -c x25call -n '__fish_x25call_using_command' -l block -s b -r -d 'octets of standard input in one message, up to 32768 (default: 4096)'
complete -c x25call -n '__fish_x25call_using_command' -l timeout -s t -r -d 'seconds to wait until the call is accepted (default: as long as the link waits)'
complete -c x25call -n '__fish_x25call_using_command' -l json -d 'say at the end what became of the call, as JSON on standard error'
complete -c x25call -n '__fish_x25call_using_command' -l verbose -s v -d 'say what happens, on standard error'
complete -c x25call -n '__fish_x25call_using_command' -l root -r -d 'put this directory before every path (default: $WANBOX_ROOT)'
