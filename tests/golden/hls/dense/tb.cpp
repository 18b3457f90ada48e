// Runs frames of codes through random_12.
//
//   tb [FRAMES [ANSWERS]]    compares with answers; the files beside this one unless others are named
//   tb FRAMES -o FILE        writes what comes out
//
// A line of FRAMES is one frame: the elements of every input, separated by spaces. A line of ANSWERS: of every output.
#include "random_12.h"

#include <chrono>
#include <fstream>
#include <iostream>
#include <string>

static ap_int<7> in_0[10];
static ap_uint<4> out_0[6];

template <class T> static bool take(std::istream &from, T *to, int count) {
    for (int n = 0; n < count; ++n) {
        long long code;
        if (!(from >> code)) return false;
        to[n] = code;
    }
    return true;
}

template <class T> static void give(std::ostream &to, const T *from, int count) {
    for (int n = 0; n < count; ++n) to << from[n].to_int64() << ' ';
}

template <class T> static bool same(std::istream &answers, const char *name, int frame, const T *from, int count) {
    for (int n = 0; n < count; ++n) {
        long long expected;
        if (!(answers >> expected)) {
            std::cerr << "the answers end in frame " << frame << std::endl;
            return false;
        }
        if (from[n].to_int64() != expected) {
            std::cerr << "output " << name << ", frame " << frame << ", element " << n << ": " << expected
                      << " expected, " << from[n].to_int64() << " found" << std::endl;
            return false;
        }
    }
    return true;
}

int main(int count, char **words) {
    const bool writes = count > 3 && std::string(words[2]) == "-o";
    std::ifstream frames(count > 1 ? words[1] : "frames.txt");
    std::ifstream answers;
    std::ofstream file;
    if (writes) {
        file.open(words[3]);
    } else {
        answers.open(count > 2 ? words[2] : "answers.txt");
    }
    if (!frames || (writes ? !file : !answers)) {
        std::cerr << "a file cannot be opened; usage: tb [FRAMES [ANSWERS]] or tb FRAMES -o FILE" << std::endl;
        return 2;
    }
    double seconds = 0;
    int frame = 0;
    for (;; ++frame) {
        bool whole = true;
        whole = whole && take(frames, in_0, 10);
        if (!whole) break;
        const auto begin = std::chrono::steady_clock::now();
        random_12(in_0, out_0);
        seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
        if (writes) {
            give(file, out_0, 6);
        } else if (!same(answers, "y0", frame, out_0, 6)) {
            return 1;
        }
        if (writes) file << '\n';
    }
    file.flush();
    if (writes && !file) {
        std::cerr << "the answers cannot be written" << std::endl;
        return 2;
    }
    std::cout << frame << " frames" << (writes ? "" : ", equal") << "; " << seconds << " s in random_12" << std::endl;
    return frame > 0 ? 0 : 2;
}
