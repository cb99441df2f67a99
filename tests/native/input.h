/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * input.h - bytes, from a file or from libFuzzer, that say what happens to a program.
 *
 * lb: two bytes that choose the scene, see lb_input.c, then frames in sequence, each behind six bytes
 * that say how it arrives. decap: three bytes, then one frame. tests/native/seeds.py writes them.
 */
#ifndef FAIRLEAD_TESTS_NATIVE_INPUT_H
#define FAIRLEAD_TESTS_NATIVE_INPUT_H

#include <stddef.h>
#include <stdint.h>

/* The program's name: the folder of its inputs. */
extern const char *const input_name;

/* Runs the program and judges what it does. Any bytes are an input. */
void input__run(const uint8_t *data, size_t size);

/* NULL if the inputs so far have gone every way that the program has, else one that they have not. */
const char *input__missed(void);

#endif
