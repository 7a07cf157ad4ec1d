using Holdfast.Storage.Disk;

namespace Holdfast;

/// <summary>Puts something between the rooms and the real disk. Only a program built for tests passes one
/// (test/Holdfast.FaultyHost): no option, variable or file can.</summary>
internal delegate IDisk DiskWrapper(IDisk disk);
