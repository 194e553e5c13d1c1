"""The filter that keeps a guest from using addresses that are not its own."""

import libvirt

# A running guest keeps the filter that it was started with: other rules get another name.
FILTER = "sharedeck-own-addresses-1"
RULES = f"""<filter name='{FILTER}' chain='root'>
  <rule action='drop' direction='out' priority='100'><mac match='no' srcmacaddr='$MAC'/></rule>
  <rule action='drop' direction='out' priority='200'><arp match='no' arpsrcmacaddr='$MAC'/></rule>
  <rule action='drop' direction='out' priority='200'><arp match='no' arpsrcipaddr='$IP'/></rule>
  <rule action='drop' direction='out' priority='300'><ip match='no' srcipaddr='$IP'/></rule>
  <!-- A guest is no router for its neighbours. -->
  <rule action='drop' direction='out' priority='400'><ipv6 protocol='icmpv6' type='134'/></rule>
  <!-- Neighbours are found from link-local addresses, and the address itself is tried out from none. -->
  <rule action='accept' direction='out' priority='500'><ipv6 srcipaddr='fe80::' srcipmask='10'/></rule>
  <rule action='accept' direction='out' priority='500'><ipv6 srcipaddr='::' srcipmask='128'/></rule>
  <rule action='drop' direction='out' priority='600'><ipv6 match='no' srcipaddr='$IPV6'/></rule>
</filter>"""


def ensure_filter(connected: libvirt.virConnect) -> None:
    """Define the filter on a host that does not have it yet."""
    try:
        connected.nwfilterLookupByName(FILTER)
    except libvirt.libvirtError as error:
        if error.get_error_code() != libvirt.VIR_ERR_NO_NWFILTER:
            raise
        connected.nwfilterDefineXML(RULES)
