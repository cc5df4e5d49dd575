/* Run a command as root, so that `sudo command` works for the guest's login user. */
#include <stdio.h>
#include <unistd.h>

int main(int count, char **words) {
    int first = 1;
    while (first < count && words[first][0] == '-')
        first++;
    if (setgid(0) || setuid(0)) {
        perror("sudo");
        return 1;
    }
    if (first >= count) {
        char *shell[] = {"/bin/sh", "-l", 0};
        execv(shell[0], shell);
        return 1;
    }
    execvp(words[first], words + first);
    perror(words[first]);
    return 127;
}
