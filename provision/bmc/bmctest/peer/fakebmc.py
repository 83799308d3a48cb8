"""A BMC of pyghmi's, which VirtualBMC is made of: fakebmc.py ADDRESS PORT USER PASSWORD.

It answers every Open Session Request with "suite 3", whatever was asked.
"""
import sys

import pyghmi.ipmi.bmc as bmc


class Box(bmc.Bmc):
    power = 'off'
    device = 'default'

    def get_boot_device(self):
        return self.device

    def set_boot_device(self, device):
        self.device = device

    def get_power_state(self):
        return self.power

    def power_on(self):
        self.power = 'on'

    def power_off(self):
        self.power = 'off'

    def power_cycle(self):
        pass

    def power_reset(self):
        pass


address, port, user, password = sys.argv[1:]
Box({user: password}, address=address, port=int(port)).listen()
