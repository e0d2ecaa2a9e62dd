function __fish_x25listen_using_command
    set -l cmd (commandline -xpc)
    set -e cmd[1]
    set -l target_cmd $argv

    set -l known_value_flags 'a' 'address' 'b' 'block' 'd' 'device' 'e' 'f' 'facility' 'program' 'root' 'u' 'user-data'

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

complete -c x25listen -n '__fish_x25listen_using_command' -f -l help -d 'display usage information'
complete -c x25listen -n '__fish_x25listen_using_command' -f -l device -s d -r -d 'the device, such as wanpipe1 (default: the only X.25 device that runs)'
complete -c x25listen -n '__fish_x25listen_using_command' -f -l address -s a -r -d 'take calls to these addresses alone: digits, ? for any digit, * for any number of digits (default: *)'
complete -c x25listen -n '__fish_x25listen_using_command' -f -l user-data -s u -r -d 'take calls alone whose user data begin with these octets, in hexadecimal digits'
complete -c x25listen -n '__fish_x25listen_using_command' -f -l keep -s k -d 'go on after a call; without -e one call after the other, and standard input is not read'
complete -c x25listen -n '__fish_x25listen_using_command' -f -l program -s e -r -d 'run this program (of the shell) for each call, at its standard input and output; its environment has X25_DEVICE, X25_CHANNEL, X25_CALLED, X25_CALLING and X25_USER_DATA'
complete -c x25listen -n '__fish_x25listen_using_command' -f -l facility -s f -r -d 'accept with this facility, again for more: packet=N[/N], window=N[/N], throughput=CLASS[/CLASS], or a code and its parameter in hexadecimal digits'
complete -c x25listen -n '__fish_x25listen_using_command' -f -l qualified -s Q -d 'send data with the Q bit, and take such data as data'
complete -c x25listen -n '__fish_x25listen_using_command' -f -l delivery -s D -d 'send data with the D bit: the other end itself confirms it'
complete -c x25listen -n '__fish_x25listen_using_command' -f -l clear-at-end -s N -d 'clear when the input has ended and the caller has everything, without waiting for what it sends'
complete -c x25listen -n '__fish_x25listen_using_command' -f -l no-input -s n -d 'do not read standard input'
complete -c x25listen -n '__fish_x25listen_using_command' -f -l block -s b -r -d 'octets of the input in one message, up to 32768 (default: 4096)'
complete -c x25listen -n '__fish_x25listen_using_command' -f -l json -d 'say of each call what became of it, as JSON on standard error'
complete -c x25listen -n '__fish_x25listen_using_command' -f -l verbose -s v -d 'say what happens, on standard error'
complete -c x25listen -n '__fish_x25listen_using_command' -f -l root -r -d 'put this directory before every path (default: $WANBOX_ROOT)'
